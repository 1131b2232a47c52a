internal import ClusterCore

extension StorageConformance {
    static let endings: [ConformanceCase] = [
        ConformanceCase("closing: it waits for what is under way, and later calls are refused") { store in
            let handles = try await store.founded(handles: 2)
            let began = Gate()
            async let writing: Void = handles[1].write { writer in
                try increment(writer)
                began.open()
                Gate().wait(seconds: 0.5)
                try increment(writer)
            }
            await began.waitAsync()
            await handles[1].close()
            try await writing
            try expectEqual(try await counter(handles[0]), 2, "what was under way")
            try await expectFailure(.closed, of: "a read after closing") {
                try await handles[1].read { try $0.config.revision() }
            }
            try await expectFailure(.closed, of: "a write after closing") {
                try await handles[1].write { try increment($0) }
            }
            await handles[1].close()
            try await handles[0].write { try increment($0) }
            try expectEqual(try await counter(handles[0]), 3, "what another handle wrote afterwards")
        },
        ConformanceCase("closing: what was written is there when the store is opened again", requires: .durable) {
            store in
            let first = try await store.founded()
            try await first.write { writer in
                try increment(writer)
                try writer.change(by: .kit) { change in
                    try change.add(Sample.user(1))
                    try change.add(Sample.certificate(1, user: Sample.id(1)))
                    if let secret = Sample.secret(1) { try change.add(secret) }
                    try change.set("limit.clients", to: "3")
                }
                try writer.nodes.add(Sample.node(1, subnets: [try Sample.prefix("10.1.0.0/24")]))
                try writer.sessions.begin([Sample.session(1), Sample.session(2)])
                try writer.sessions.end([SessionEnd(id: Sample.id(2), at: Sample.time, reason: "x", traffic: nil)])
            }
            let before = try await first.read { try Everything($0) }
            await store.closeHandles()
            let second = try await store.open()
            let after = try await second.read { try Everything($0) }
            try expectEqual(after, before, "everything")
        },
    ]
}

/// All that a store says.
private struct Everything: Hashable, Sendable {
    var cluster: ClusterInfo?
    var revision: Revision
    var settings: [String: String]
    var secrets: [SealedSecret]
    var users: [User]
    var failures: [LoginFailures]
    var certificates: [CertificateRecord]
    var nodes: [Node]
    var sessions: [Session]
    var log: [ConnectionLogEntry]
    var audit: [AuditEntry]

    init(_ reader: any StorageReader) throws {
        cluster = try reader.config.cluster()
        revision = try reader.config.revision()
        settings = try reader.config.settings().value.stored
        secrets = try reader.config.secrets().value
        users = try reader.accounts.users(after: nil, limit: 100).rows
        failures = try reader.accounts.loginFailures(after: nil, limit: 100).rows
        certificates = try reader.certificates.certificates(after: nil, limit: 100).rows
        nodes = try reader.nodes.nodes()
        sessions = try reader.sessions.sessions(after: nil, limit: 100).rows
        log = try reader.sessions.connectionLog(of: nil, after: nil, limit: 100).rows
        audit = try reader.config.auditEntries(before: nil, limit: 100).rows
    }
}
