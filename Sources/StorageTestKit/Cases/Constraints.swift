internal import ClusterCore
internal import VPNFormats

/// A rule that is broken: what is there, what breaks it, and its name.
private struct BrokenRule: Sendable {
    var name: String
    var first: @Sendable (any StorageWriter) throws -> Void
    var second: @Sendable (any StorageWriter) throws -> Void

    init(
        _ name: String, _ first: @escaping @Sendable (any StorageWriter) throws -> Void,
        then second: @escaping @Sendable (any StorageWriter) throws -> Void
    ) {
        self.name = name
        self.first = first
        self.second = second
    }

    static func change(
        _ name: String, _ first: @escaping @Sendable (any ConfigurationChange) throws -> Void,
        then second: @escaping @Sendable (any ConfigurationChange) throws -> Void
    ) -> BrokenRule {
        BrokenRule(
            name, { try $0.change(by: .kit, first) }, then: { try $0.change(by: .kit, second) })
    }

    static let all: [BrokenRule] = [
        .change("cluster", { _ in }, then: { try $0.createCluster(Sample.cluster) }),
        .change(
            "user.name", { try $0.add(Sample.user(1, name: "a")) }, then: { try $0.add(Sample.user(2, name: "a")) }),
        .change("user.id", { try $0.add(Sample.user(3)) }, then: { try $0.add(Sample.user(3, name: "other")) }),
        .change(
            "user.name",
            {
                try $0.add(Sample.user(4))
                try $0.add(Sample.user(5))
            },
            then: { change in
                guard var user = try change.reader.accounts.user(Sample.id(4)) else { return }
                user.name = Sample.user(5).name
                try change.update(user)
            }),
        .change(
            "certificate.serial", { try $0.add(Sample.certificate(1, user: Sample.id(1))) },
            then: { try $0.add(Sample.certificate(1, user: Sample.id(2))) }),
        .change(
            "secret.id", { change in if let secret = Sample.secret(1) { try change.add(secret) } },
            then: { change in if let secret = Sample.secret(1, bytes: [9]) { try change.add(secret) } }),
        BrokenRule(
            "node.id", { try $0.nodes.add(Sample.node(1)) },
            then: { writer in
                var node = Sample.node(1)
                node.name = "other"
                try writer.nodes.add(node)
            }),
        BrokenRule(
            "node.name", { try $0.nodes.add(Sample.node(2)) },
            then: { writer in
                var node = Sample.node(3)
                node.name = Sample.node(2).name
                try writer.nodes.add(node)
            }),
        BrokenRule(
            "node.subnet", { try $0.nodes.add(Sample.node(4, subnets: [try Sample.prefix("10.8.0.0/16")])) },
            then: { try $0.nodes.add(Sample.node(5, subnets: [try Sample.prefix("10.8.4.0/24")])) }),
        BrokenRule(
            "node.subnet",
            { writer in
                try writer.nodes.add(Sample.node(6, subnets: [try Sample.prefix("fd00:8::/64")]))
                try writer.nodes.add(Sample.node(7))
            }, then: { try $0.nodes.setSubnets([try Sample.prefix("fd00:8::/48")], of: Sample.id(7)) }),
        BrokenRule(
            "session.address", { try $0.sessions.begin([Sample.session(1, node: 1, host: 5)]) },
            then: { try $0.sessions.begin([Sample.session(2, node: 2, host: 5)]) }),
    ]
}

extension StorageConformance {
    static let constraints: [ConformanceCase] = [
        ConformanceCase("constraints: each rule is kept, named, and nothing of a transaction that breaks one stays") {
            store in
            let backend = try await store.founded()
            for rule in BrokenRule.all {
                try await backend.write { try rule.first($0) }
                let before = try await backend.read { try $0.config.revision() }
                try await expectFailure(.constraint(rule.name), of: "what breaks \(rule.name)") {
                    try await backend.write { writer in
                        try writer.change(by: .kit) { try $0.add(Sample.user(99, name: "bystander")) }
                        try rule.second(writer)
                    }
                }
                try await backend.read { reader in
                    try expect(try reader.accounts.user(named: "bystander") == nil, "\(rule.name): a user stayed")
                    try expectEqual(try reader.config.revision(), before, "\(rule.name): the revision")
                }
            }
        },
        ConformanceCase("constraints: of several who take one name at once exactly one gets it") { store in
            let handles = try await store.founded(handles: 3)
            for round: UInt64 in 0..<5 {
                let results = await atOnce(
                    handles.enumerated().map { index, handle in
                        { @Sendable in
                            let user = Sample.user(100 * round + UInt64(index), name: "round \(round)")
                            try await handle.change { _ = try $0.add(user) }
                        }
                    })
                try expectEqual(
                    try codes(results), [.constraint("user.name"), .constraint("user.name")], "round \(round)")
            }
            try await handles[0].read { try expectEqual(try $0.accounts.userCount(), 5, "the number of users") }
        },
        ConformanceCase("constraints: of several nodes that take overlapping subnets at once exactly one gets it") {
            store in
            let handles = try await store.founded(handles: 3)
            let subnets = try ["10.8.0.0/16", "10.8.1.0/24", "10.0.0.0/8"].map { try Sample.prefix($0) }
            for round: UInt64 in 0..<5 {
                let results = await atOnce(
                    handles.indices.map { index in
                        { @Sendable in
                            let node = Sample.node(10 * round + UInt64(index), subnets: [subnets[index]])
                            try await handles[index].write { try $0.nodes.add(node) }
                        }
                    })
                try expectEqual(
                    try codes(results), [.constraint("node.subnet"), .constraint("node.subnet")], "round \(round)")
                try await handles[0].write { writer in
                    for node in try writer.nodes.nodes() { try writer.nodes.setState(.removed, of: node.id) }
                }
            }
        },
        ConformanceCase("constraints: what was given up can be taken again") { store in
            let backend = try await store.founded()
            let subnet = try Sample.prefix("10.8.0.0/24")
            try await backend.write { writer in
                try writer.change(by: .kit) { _ = try $0.add(Sample.user(1, name: "a")) }
                try writer.nodes.add(Sample.node(1, subnets: [subnet]))
                try writer.sessions.begin([Sample.session(1, node: 1, host: 5)])
            }
            try await backend.write { writer in
                try writer.change(by: .kit) { try $0.removeUser(Sample.id(1)) }
                try writer.nodes.setState(.removed, of: Sample.id(1))
                try writer.sessions.end([
                    SessionEnd(id: Sample.id(1), at: Sample.time, reason: "client-exit", traffic: nil)
                ])
            }
            try await backend.write { writer in
                try writer.change(by: .kit) { _ = try $0.add(Sample.user(2, name: "a")) }
                var node = Sample.node(2, subnets: [subnet])
                node.name = Sample.node(1).name
                try writer.nodes.add(node)
                try writer.sessions.begin([Sample.session(2, node: 2, host: 5)])
            }
            try await backend.read { reader in
                let id: NodeID? = Sample.id(2)
                try expectEqual(try reader.nodes.node(named: Sample.node(1).name)?.id, id, "the node of the name")
                try expectEqual(try reader.nodes.node(Sample.id(1))?.subnets, [], "the subnets of a removed node")
            }
        },
        ConformanceCase("constraints: what a type does not allow, what is missing and what is too much are refused") {
            store in
            let backend = try await store.founded()
            for name in ["", String(repeating: "x", count: 256)] {
                try await expectFailure(.invalid, of: "a user whose name has \(name.utf8.count) bytes") {
                    try await backend.change { _ = try $0.add(Sample.user(1, name: name)) }
                }
            }
            try await expectFailure(.invalid, of: "a node whose name has 64 bytes") {
                try await backend.write { writer in
                    var node = Sample.node(1)
                    node.name = String(repeating: "n", count: 64)
                    try writer.nodes.add(node)
                }
            }
            let missing: [@Sendable (any ConfigurationChange) throws -> Void] = [
                { try $0.removeUser(Sample.id(9)) }, { _ = try $0.update(Sample.user(9)) },
                { try $0.removeSecret(Sample.id(9)) },
                { try $0.revokeCertificate(Sample.serial(9), Revocation(at: .epoch, reason: .superseded)) },
            ]
            for (index, change) in missing.enumerated() {
                try await expectFailure(.notFound, of: "change \(index) of what is not there") {
                    try await backend.change(change)
                }
            }
            for limit in [0, -1, StorageLimits.pageRows + 1] {
                try await expectFailure(.misuse, of: "a page of \(limit) rows") {
                    try await backend.read { _ = try $0.accounts.users(after: nil, limit: limit) }
                }
            }
            try await expectFailure(.misuse, of: "a batch that is too large") {
                let batch = [Session](repeating: Sample.session(1), count: StorageLimits.batchRows + 1)
                try await backend.write { try $0.sessions.begin(batch) }
            }
        },
    ]
}
