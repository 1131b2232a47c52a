internal import ClusterCore

extension StorageConformance {
    private static func begin(
        _ number: UInt64, after epoch: Int64, _ backend: any StorageBackend
    ) async throws -> Node {
        try await backend.write {
            try $0.nodes.beginEpoch(of: Sample.id(number), after: epoch, hostname: "h", softwareVersion: "2")
        }
    }

    static let nodes: [ConformanceCase] = [
        ConformanceCase("leases: an epoch begins at generation 0, and each renewal is the next one") { store in
            let backend = try await store.founded()
            try await backend.write { try $0.nodes.add(Sample.node(1)) }
            let node = try await begin(1, after: 0, backend)
            try expectEqual(node.lease, NodeLease(node: Sample.id(1), epoch: 1, generation: 0), "the first lease")
            try expectEqual([node.hostname, node.softwareVersion], ["h", "2"], "host and version")
            var lease = node.lease
            for generation: Int64 in 1...5 {
                lease = try await backend.write { [lease] in try $0.nodes.renew(lease) }
                try expectEqual(lease.generation, generation, "the generation")
            }
            let stored = try await backend.read { try $0.nodes.node(Sample.id(1)) }
            try expectEqual(stored?.lease, lease, "the stored lease")
            try expect(
                (stored?.lastSeenAt ?? .epoch) >= (stored?.startedAt ?? .epoch), "it was last seen before it began")
            try expect((stored?.startedAt ?? .epoch) > Sample.time, "its start is not on the store's clock")
        },
        ConformanceCase("fencing: whoever shows an old epoch, an old generation or a removed node is refused") {
            store in
            let backend = try await store.founded()
            try await backend.write { writer in
                for number: UInt64 in 1...2 { try writer.nodes.add(Sample.node(number)) }
            }
            let old = try await begin(1, after: 0, backend).lease
            let renewed = try await backend.write { try $0.nodes.renew(old) }
            try await expectFailure(.fenced, of: "a renewal with an old generation") {
                try await backend.write { try $0.nodes.renew(old) }
            }
            try await expectFailure(.fenced, of: "a renewal with a generation that is not there yet") {
                var early = renewed
                early.generation += 1
                try await backend.write { [early] in try $0.nodes.renew(early) }
            }
            _ = try await begin(1, after: 1, backend)
            try await expectFailure(.fenced, of: "a renewal with an old epoch") {
                try await backend.write { try $0.nodes.renew(renewed) }
            }
            try await expectFailure(.fenced, of: "a stop with an old epoch") {
                try await backend.write { try $0.nodes.stop(renewed) }
            }
            try await expectFailure(.fenced, of: "an epoch after one that is not the last") {
                _ = try await begin(1, after: 1, backend)
            }
            try await backend.write { try $0.nodes.setState(.removed, of: Sample.id(2)) }
            for lease in [Sample.node(2).lease] {
                try await expectFailure(.fenced, of: "a renewal of a removed node") {
                    try await backend.write { try $0.nodes.renew(lease) }
                }
            }
            try await expectFailure(.fenced, of: "an epoch of a removed node") {
                _ = try await begin(2, after: 0, backend)
            }
            try await expectFailure(.fenced, of: "a removed node that is to be active again") {
                try await backend.write { try $0.nodes.setState(.active, of: Sample.id(2)) }
            }
            try await expectFailure(.notFound, of: "a renewal of no node") {
                try await backend.write { try $0.nodes.renew(Sample.node(9).lease) }
            }
            let stored = try await backend.read { try $0.nodes.node(Sample.id(1)) }
            try expectEqual(stored?.lease, NodeLease(node: Sample.id(1), epoch: 2, generation: 0), "the lease")
        },
        ConformanceCase("fencing: a fenced process writes nothing of its transaction") { store in
            let backend = try await store.founded()
            try await backend.write { try $0.nodes.add(Sample.node(1)) }
            let old = try await begin(1, after: 0, backend).lease
            _ = try await begin(1, after: 1, backend)
            try await expectFailure(.fenced, of: "a transaction of a fenced process") {
                try await backend.write { writer in
                    try writer.sessions.begin([Sample.session(1)])
                    _ = try writer.nodes.renew(old)
                }
            }
            let session: Session? = try await backend.read { try $0.sessions.session(Sample.id(1)) }
            try expect(session == nil, "a session was written")
        },
        ConformanceCase("leases: of many who show one lease at once exactly one renews it") { store in
            let handles = try await store.founded(handles: 4)
            try await handles[0].write { try $0.nodes.add(Sample.node(1)) }
            var lease = try await begin(1, after: 0, handles[0]).lease
            for round in 0..<8 {
                let results = await atOnce(
                    handles.map { handle in
                        { @Sendable [lease] in try await handle.write { try $0.nodes.renew(lease) } }
                    })
                let winners = results.compactMap { try? $0.get() }
                try expectEqual(winners.count, 1, "round \(round): how many renewed")
                try expectEqual(try codes(results), [.fenced, .fenced, .fenced], "round \(round): the others")
                lease = winners[0]
            }
            try expectEqual(lease.generation, 8, "the generation")
        },
        ConformanceCase("leases: of many who begin an epoch at once exactly one does") { store in
            let handles = try await store.founded(handles: 4)
            try await handles[0].write { try $0.nodes.add(Sample.node(1)) }
            for epoch: Int64 in 0..<5 {
                let results = await atOnce(
                    handles.map { handle in { @Sendable in try await begin(1, after: epoch, handle).lease } })
                let winners = results.compactMap { try? $0.get() }
                try expectEqual(winners.map(\.epoch), [epoch + 1], "who began")
                try expectEqual(try codes(results), [.fenced, .fenced, .fenced], "the others")
            }
        },
        ConformanceCase("leases: nodes that write at once do not hinder each other") { store in
            let handles = try await store.founded(handles: 3)
            try await handles[0].write { writer in
                for number: UInt64 in 0..<3 { try writer.nodes.add(Sample.node(number)) }
            }
            let results = await atOnce(
                handles.enumerated().map { index, handle in
                    { @Sendable in
                        var lease = try await begin(UInt64(index), after: 0, handle).lease
                        for _ in 0..<15 { lease = try await handle.write { [lease] in try $0.nodes.renew(lease) } }
                        return lease.generation
                    }
                })
            try expectEqual(try results.map { try $0.get() }, [15, 15, 15], "the generations")
        },
        ConformanceCase("nodes: states and subnets are written, and no revision for it") { store in
            let backend = try await store.founded()
            let subnet = try Sample.prefix("10.9.0.0/24")
            try await backend.write { writer in
                try writer.nodes.add(Sample.node(1))
                try writer.nodes.setSubnets([subnet], of: Sample.id(1))
                try writer.nodes.setSubnets([subnet], of: Sample.id(1))
                try writer.nodes.setState(.draining, of: Sample.id(1))
                try writer.nodes.setState(.draining, of: Sample.id(1))
            }
            try await backend.read { reader in
                let nodes = try reader.nodes.nodes()
                try expectEqual(nodes.map(\.state), [.draining], "the states")
                try expectEqual(nodes.map(\.subnets), [[subnet]], "the subnets")
                try expectEqual(try reader.config.revision().number, 1, "the revision")
            }
            try await expectFailure(.notFound, of: "the state of no node") {
                try await backend.write { try $0.nodes.setState(.draining, of: Sample.id(9)) }
            }
            try await expectFailure(.notFound, of: "the subnets of no node") {
                try await backend.write { try $0.nodes.setSubnets([], of: Sample.id(9)) }
            }
        },
    ]
}
