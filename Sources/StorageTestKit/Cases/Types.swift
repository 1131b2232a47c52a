internal import ClusterCore
internal import VPNFormats

extension StorageConformance {
    /// Names that a careless store takes for one another, cuts, or reads as something else than text.
    private static let names = [
        "B", "a", "a ", " a", "A", "aa", "ä", "a\u{308}", "ß", "ss", "İ", "i", "ı", "爱丽丝", "🦊", "👩‍👩‍👧", "\u{ffff}", "0",
        "NULL", "true", "'; DROP TABLE users; --", "\"a\"", "\\", "%", "_", "$1", "?", "a\tb", "\u{202e}abc", "\u{7f}",
        String(repeating: "x", count: 255), String(repeating: "ä", count: 127),
    ]

    private static let times: [Timestamp] = [
        .epoch, Timestamp(microseconds: 1), Timestamp(microseconds: -1), Sample.time,
        Timestamp(microseconds: 999_999), Timestamp(seconds: -62_135_596_800), Timestamp(seconds: 253_402_300_800),
        Timestamp(microseconds: .min), Timestamp(microseconds: .max),
    ]

    static let types: [ConformanceCase] = [
        ConformanceCase("types: times come back to the microsecond, of our days and far from them") { store in
            let backend = try await store.founded()
            try await backend.change { change in
                for (index, time) in times.enumerated() {
                    var user = Sample.user(UInt64(index))
                    user.tokensValidFrom = time
                    user.createdAt = time
                    try change.add(user)
                }
            }
            let sessions = times.enumerated().map { index, time in
                var session = Sample.session(UInt64(index))
                session.connectedAt = time
                session.updatedAt = time
                return session
            }
            try await backend.write { try $0.sessions.begin(sessions) }
            try await backend.read { reader in
                for session in sessions {
                    try expectEqual(try reader.sessions.session(session.id), session, "a session")
                }
                for (index, time) in times.enumerated() {
                    let user = try reader.accounts.user(Sample.id(UInt64(index)))
                    try expectEqual(user?.tokensValidFrom, time, "the time \(index)")
                    try expectEqual(user?.createdAt, time, "the time of creation \(index)")
                }
            }
        },
        ConformanceCase("types: names keep every byte and are told apart byte for byte") { store in
            let backend = try await store.founded()
            try await backend.change { change in
                for (index, name) in names.enumerated() { try change.add(Sample.user(UInt64(index), name: name)) }
            }
            try await backend.read { reader in
                for (index, name) in names.enumerated() {
                    let user = try reader.accounts.user(named: name)
                    try expect(user?.id == Sample.id(UInt64(index)), "name \(index) leads to another user or none")
                    try expect(user.map { Array($0.name.utf8) } == Array(name.utf8), "name \(index) was changed")
                }
                let ordered = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                let page = try reader.accounts.users(after: nil, limit: 100)
                try expect(
                    page.rows.map { Array($0.name.utf8) } == ordered.map { Array($0.utf8) },
                    "the order is not that of the names' bytes")
                for absent in ["b", "ÄÄ", "a  ", "A ", "n", "null"] {
                    try expect(try reader.accounts.user(named: absent) == nil, "there is a user that was not added")
                }
            }
        },
        ConformanceCase("types: values of one byte and of a megabyte come back as they were") { store in
            let backend = try await store.founded()
            let large = (0..<SealedValue.maximumBytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            let values: [[UInt8]] = [[0], [0xff], Array(0...255), Array("text".utf8), large]
            let sealed = values.compactMap { SealedValue($0) }
            try await backend.change { change in
                for (index, value) in sealed.enumerated() {
                    var user = Sample.user(UInt64(index))
                    user.passwordVerifier = value
                    try change.add(user)
                    if let secret = Sample.secret(UInt64(index), bytes: value.bytes) { try change.add(secret) }
                }
            }
            try await backend.read { reader in
                let secrets = try reader.config.secrets().value
                for (index, value) in sealed.enumerated() {
                    let user = try reader.accounts.user(Sample.id(UInt64(index)))
                    try expect(user?.passwordVerifier == value, "value \(index) of a user was changed")
                    let secret = secrets.first { $0.id == Sample.id(UInt64(index)) }
                    try expect(secret?.value == value, "value \(index) of a secret was changed")
                }
            }
        },
        ConformanceCase("types: nothing, empty and zero are told apart") { store in
            let backend = try await store.founded()
            var with = Sample.session(1, host: 1)
            with.ipv6 = IPv6Address("fd00::1")
            with.certificate = Sample.serial(1)
            with.clientVersion = "2.6.14"
            var without = Sample.session(2)
            without.cipher = ""
            let sessions = [with, without]
            let failures = [
                LoginFailures(user: Sample.id(1), count: 1, firstAt: .epoch, lastAt: .epoch, lockedUntil: .epoch),
                LoginFailures(user: Sample.id(2), count: 0, firstAt: .epoch, lastAt: .epoch, lockedUntil: nil),
            ]
            let refusals = [Sample.id(1) as UserID?, nil].enumerated().map { index, user in
                TokenRefusal(
                    tokenSession: Sample.token(UInt64(index)), user: user, refusedAt: .epoch, expiresAt: Sample.time)
            }
            try await backend.write { writer in
                try writer.sessions.begin(sessions)
                for failure in failures { try writer.accounts.record(failure) }
                try writer.change(by: .kit) { change in
                    for refusal in refusals { try change.refuse(refusal) }
                    try change.set("hostname", to: "")
                }
            }
            try await backend.read { reader in
                for session in sessions {
                    try expectEqual(try reader.sessions.session(session.id), session, "a session")
                }
                for failure in failures {
                    var stored = failure
                    stored.version = 1
                    try expectEqual(try reader.accounts.loginFailures(of: failure.user), stored, "failed logins")
                }
                let found = try reader.accounts.tokenRefusals(after: nil, limit: 10).rows
                try expectEqual(Set(found), Set(refusals), "the refusals")
                let settings = try reader.config.settings().value
                try expect(settings.stored["hostname"] == "", "an empty setting is not there")
                try expect(settings.stored["limit.clients"] == nil, "a setting that nobody set is there")
            }
        },
        ConformanceCase("types: the largest numbers, addresses of both families, every state come back") { store in
            let backend = try await store.founded()
            var session = Sample.session(1)
            session.nodeEpoch = .max
            session.traffic = Traffic(bytesReceived: .max, bytesSent: 0)
            session.ipv4 = IPv4Address(255, 255, 255, 255)
            session.ipv6 = IPv6Address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
            session.remoteAddress = SocketAddress(ip: .v6(IPv6Address(bits: 1)), port: 65_535)
            let stored = session
            let subnets = try ["10.1.0.0/16", "fd00:1::/64", "192.0.2.255/32"].map { try Sample.prefix($0) }
            let states = Node.State.allCases
            try await backend.write { writer in
                try writer.sessions.begin([stored])
                for (index, state) in states.enumerated() {
                    let node = Sample.node(UInt64(index), subnets: index == 0 ? subnets : [])
                    try writer.nodes.add(node)
                    try writer.nodes.setState(state, of: node.id)
                }
            }
            try await backend.read { reader in
                try expectEqual(try reader.sessions.session(stored.id), stored, "the session")
                for (index, state) in states.enumerated() {
                    let node = try reader.nodes.node(Sample.id(UInt64(index)))
                    try expectEqual(node?.state, state, "the state of node \(index)")
                    try expectEqual(node?.createdAt, Sample.time, "when node \(index) joined")
                }
                let found = try reader.nodes.node(Sample.id(0))?.subnets ?? []
                try expectEqual(Set(found), Set(subnets), "the subnets of a node")
            }
        },
        ConformanceCase("types: a certificate comes back with and without what is optional") { store in
            let backend = try await store.founded()
            var full = Sample.certificate(1, user: Sample.id(1))
            full.profile = .autoLogin
            full.privateKey = SealedValue([9])
            full.commonName = "Ünïcode 🦊"
            full.der = [UInt8](repeating: 0x30, count: 65_536)
            let bare = Sample.certificate(2, user: nil, kind: .authority)
            let certificates = [full, bare]
            try await backend.change { change in for one in certificates { try change.add(one) } }
            let revocations = Revocation.Reason.allCases.map { Revocation(at: Sample.time, reason: $0) }
            try await backend.change { change in
                for (index, revocation) in revocations.enumerated() {
                    let certificate = Sample.certificate(UInt64(10 + index), user: Sample.id(3))
                    try change.add(certificate)
                    try change.revokeCertificate(certificate.serial, revocation)
                }
            }
            try await backend.read { reader in
                for certificate in certificates {
                    var stored = certificate
                    stored.version = 1
                    try expectEqual(try reader.certificates.certificate(stored.serial), stored, "a certificate")
                }
                for (index, revocation) in revocations.enumerated() {
                    let found = try reader.certificates.certificate(Sample.serial(UInt64(10 + index)))
                    try expectEqual(found?.revocation, revocation, "a revocation")
                }
            }
        },
    ]
}
