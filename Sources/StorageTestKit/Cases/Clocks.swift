internal import ClusterCore

extension StorageConformance {
    static let clocks: [ConformanceCase] = [
        ConformanceCase("clock: the time is one within a transaction, and of our days") { store in
            let backend = try await store.founded()
            let (first, again) = try await backend.write { writer in
                let first = try writer.now()
                try increment(writer)
                return (first, try writer.now())
            }
            try expectEqual(first, again, "the time at the end of a transaction")
            try expect(first > Timestamp(seconds: 1_600_000_000), "\(first) is long ago")
            try expect(first < Timestamp(seconds: 10_000_000_000), "\(first) is far away")
            let later = try await backend.read { try $0.now() }
            try expect(later >= first, "\(first) was followed by \(later)")
            try expect(later.elapsed(since: first) < .seconds(60), "\(first) was followed by \(later)")
        },
        ConformanceCase(
            "clock: when it jumps, back or forwards, nothing ends and no order changes by itself",
            requires: .settableClock
        ) {
            store in
            let backend = try await store.founded()
            try await backend.write { writer in
                try writer.nodes.add(Sample.node(1))
                try writer.sessions.begin([Sample.session(1)])
                try increment(writer)
            }
            var lease = try await backend.write {
                try $0.nodes.beginEpoch(of: Sample.id(1), after: 0, hostname: "h", softwareVersion: "2").lease
            }
            let jumps: [Duration] = [
                .seconds(-86_400), .seconds(-400 * 86_400), .seconds(800 * 86_400), .seconds(-3600),
            ]
            for (index, jump) in jumps.enumerated() {
                let before = try await backend.read { try $0.now() }
                store.clock.jump(by: jump)
                let after = try await backend.read { try $0.now() }
                try expect((jump < .zero) == (after < before), "the store does not read the clock that it was given")
                lease = try await backend.write { [lease] writer in
                    try writer.change(by: .kit) { _ = try $0.add(Sample.user(UInt64(index))) }
                    try increment(writer)
                    return try writer.nodes.renew(lease)
                }
                let seen = try await backend.read { try $0.nodes.node(Sample.id(1)) }
                try expectEqual(seen?.lease, lease, "the lease after a jump by \(jump)")
                try expectEqual(seen?.state, .active, "the node's state after a jump by \(jump)")
            }
            try await backend.read { reader in
                try expect(try reader.sessions.session(Sample.id(1)) != nil, "a session ended by itself")
                let audit = try reader.config.auditEntries(before: nil, limit: 10).rows
                try expectEqual(audit.map(\.revision), [5, 4, 3, 2, 1], "the order of the audit log")
            }
            try expectEqual(try await counter(backend), 5, "the counter")
        },
    ]
}
