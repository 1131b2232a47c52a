internal import ClusterCore
internal import VPNFormats

extension StorageConformance {
    private static func end(
        _ number: UInt64, _ reason: String = "client-exit", at: Timestamp = Sample.time
    ) -> SessionEnd {
        SessionEnd(id: Sample.id(number), at: at, reason: reason, traffic: Traffic(bytesReceived: 5, bytesSent: 6))
    }

    private static func log(
        _ backend: any StorageBackend, of user: UserID? = nil
    ) async throws -> [ConnectionLogEntry] {
        try await backend.read { try $0.sessions.connectionLog(of: user, after: nil, limit: 1000).rows }
    }

    private static func live(_ backend: any StorageBackend) async throws -> [Session] {
        try await backend.read { try $0.sessions.sessions(after: nil, limit: 1000).rows }
    }

    static let sessions: [ConformanceCase] = [
        ConformanceCase("sessions: a batch that is written again changes nothing") { store in
            let handles = try await store.founded(handles: 2)
            let batch = (UInt64(1)...20).map { Sample.session($0, host: UInt8($0)) }
            for handle in handles { try await handle.write { try $0.sessions.begin(batch) } }
            try expectEqual(Set(try await live(handles[0])), Set(batch), "the live sessions")
            let ends = (UInt64(1)...10).map { end($0) }
            let counts = try await handles[0].write { writer in
                [try writer.sessions.end(ends), try writer.sessions.end(ends)]
            }
            try expectEqual(counts, [10, 0], "how many were ended")
            try expectEqual(try await handles[1].write { try $0.sessions.end(ends) }, 0, "how many were ended later")
            // The batch of the beginnings arrives once more, late.
            try await handles[1].write { try $0.sessions.begin(batch) }
            try expectEqual(Set(try await live(handles[0])), Set(batch[10...]), "the sessions that are still live")
            let entries = try await log(handles[0])
            try expectEqual(Set(entries.map(\.session.id)), Set(batch[..<10].map(\.id)), "the sessions that are over")
            try expectEqual(entries.count, 10, "the entries of the log")
            for entry in entries {
                try expectEqual(entry.reason, "client-exit", "the reason")
                try expectEqual(entry.endedAt, Sample.time, "the end")
                try expectEqual(entry.session.traffic, Traffic(bytesReceived: 5, bytesSent: 6), "the traffic")
            }
        },
        ConformanceCase("sessions: counters never go back, unknown sessions are passed over") { store in
            let backend = try await store.founded()
            try await backend.write { try $0.sessions.begin([Sample.session(1)]) }
            let address = SocketAddress(ip: .v4(IPv4Address(198, 51, 100, 1)), port: 9)
            let counts: [(Int64, Int64)] = [(100, 10), (50, 20), (100, 20)]
            let expected: [(Int64, Int64)] = [(100, 10), (100, 20), (100, 20)]
            for (index, count) in counts.enumerated() {
                let traffic = Traffic(bytesReceived: count.0, bytesSent: count.1)
                let updates = [Sample.id(1), Sample.id(9)].map {
                    SessionUpdate(id: $0, remoteAddress: address, traffic: traffic)
                }
                let now = try await backend.write { writer in
                    try writer.sessions.update(updates)
                    return try writer.now()
                }
                let stored = try await backend.read { try $0.sessions.session(Sample.id(1)) }
                try expectEqual(stored?.traffic.bytesReceived, expected[index].0, "what was received")
                try expectEqual(stored?.traffic.bytesSent, expected[index].1, "what was sent")
                try expectEqual(stored?.remoteAddress, address, "the address")
                try expectEqual(stored?.updatedAt, now, "when it was written")
            }
            try expectEqual(try await live(backend).count, 1, "the live sessions")
            try expectEqual(try await backend.write { try $0.sessions.end([end(9)]) }, 0, "how many were ended")
        },
        ConformanceCase("sessions: an address is held once; a lost end on the same node is made up for") { store in
            let backend = try await store.founded()
            try await backend.write { try $0.sessions.begin([Sample.session(1, node: 1, host: 5)]) }
            try await expectFailure(.constraint("session.address"), of: "another node's use of the address") {
                try await backend.write { try $0.sessions.begin([Sample.session(2, node: 2, host: 5)]) }
            }
            try await backend.write { try $0.sessions.begin([Sample.session(3, node: 1, host: 5)]) }
            try expectEqual(try await live(backend).map(\.id), [Sample.id(3)], "the live session")
            let entries = try await log(backend)
            try expectEqual(entries.map(\.session.id), [Sample.id(1)], "the session that is over")
            try expectEqual(entries.map(\.reason), ["superseded"], "the reason")
        },
        ConformanceCase("sessions: a live one that begins again is replaced") { store in
            let backend = try await store.founded()
            var session = Sample.session(1, host: 5)
            try await backend.write { [session] in try $0.sessions.begin([session]) }
            session.cipher = "CHACHA20-POLY1305"
            session.ipv4 = IPv4Address(10, 0, 0, 6)
            try await backend.write { [session] in try $0.sessions.begin([session]) }
            try expectEqual(try await live(backend), [session], "the live session")
            try expectEqual(try await log(backend).count, 0, "the sessions that are over")
        },
        ConformanceCase("sessions: what a node left behind in earlier epochs is ended, and nothing else") { store in
            let backend = try await store.founded()
            var batch = [Sample.session(1), Sample.session(2), Sample.session(3), Sample.session(4, node: 2)]
            batch[2].nodeEpoch = 2
            try await backend.write { [batch] in try $0.sessions.begin(batch) }
            let counts = try await backend.write { writer in
                try (0..<3).map { _ in
                    try writer.sessions.endSessions(of: Sample.id(1), beforeEpoch: 2, reason: "node-lost", limit: 1)
                }
            }
            try expectEqual(counts, [1, 1, 0], "how many were ended each time")
            try expectEqual(Set(try await live(backend)), Set(batch[2...]), "the sessions that are still live")
            let entries = try await log(backend)
            try expectEqual(Set(entries.map(\.session.id)), [Sample.id(1), Sample.id(2)], "those that are over")
            try expectEqual(Set(entries.map(\.endedAt)), [Sample.time], "when they ended")
        },
        ConformanceCase("sessions: they are found by user, by token session and by id; the log by user") { store in
            let backend = try await store.founded()
            var moved = Sample.session(3, user: 2, node: 2)
            moved.tokenSession = Sample.token(2)
            let batch = [Sample.session(1, user: 1), Sample.session(2, user: 2), moved]
            try await backend.write { try $0.sessions.begin(batch) }
            try await backend.read { reader in
                try expectEqual(
                    Set(try reader.sessions.sessions(of: Sample.id(2)).value), Set(batch[1...]), "of a user")
                let ofToken = try reader.sessions.sessions(of: Sample.token(2)).value
                try expectEqual(Set(ofToken), Set(batch[1...]), "of a token session")
                try expectEqual(try reader.sessions.session(Sample.id(1)), batch[0], "of an id")
            }
            try await backend.write { try $0.sessions.end((UInt64(1)...3).map { end($0) }) }
            let ofUser = try await log(backend, of: Sample.id(2)).map(\.session.id)
            try expectEqual(Set(ofUser), [Sample.id(2), Sample.id(3)], "the log of a user")
        },
        ConformanceCase("sessions: the log is ordered by the end, paged and pruned") { store in
            let backend = try await store.founded()
            let numbers = (UInt64(1)...25).map { $0 }
            try await backend.write { writer in
                try writer.sessions.begin(numbers.map { Sample.session($0) })
                // Five at once each time.
                try writer.sessions.end(
                    numbers.map { end($0, at: Sample.time + .seconds(Int64($0 / 5))) })
            }
            var (position, found): (ConnectionLogPosition?, [ConnectionLogEntry]) = (nil, [])
            repeat {
                let page = try await backend.read { [position] in
                    try $0.sessions.connectionLog(of: nil, after: position, limit: 4)
                }
                try expect(page.rows.count <= 4, "a page is too long")
                found += page.rows
                position = page.next
            } while position != nil
            try expectEqual(Set(found.map(\.session.id)).count, 25, "how many entries came")
            try expectEqual(found.count, 25, "how many times they came")
            let ends = found.map(\.endedAt)
            try expectEqual(ends, ends.sorted(by: >), "their order")
            let before = Sample.time + .seconds(2)
            let counts = try await backend.write { writer in
                try [6, 100].map { try writer.sessions.pruneConnectionLog(endedBefore: before, limit: $0) }
            }
            try expectEqual(counts, [6, 3], "how many were pruned")
            try expectEqual(try await log(backend).count, 16, "how many are left")
        },
        ConformanceCase("sessions: the addresses that a client had are remembered, a node's latest first") { store in
            let backend = try await store.founded()
            for number: UInt64 in 1...3 {
                var session = Sample.session(number, user: number % 2, host: UInt8(number))
                session.connectedAt = Sample.time + .seconds(Int64(number))
                if number == 2 { session.certificate = Sample.serial(1) }
                try await backend.write { [session] in try $0.sessions.begin([session]) }
            }
            let memory = try await backend.read { try $0.sessions.addressMemory(of: Sample.id(1), limit: 10).value }
            try expectEqual(memory.map(\.user), [Sample.id(1), Sample.id(0)], "whose they are")
            try expectEqual(
                memory.map(\.ipv4), [IPv4Address(10, 0, 0, 3), IPv4Address(10, 0, 0, 2)], "the addresses")
            try expectEqual(memory.map(\.certificate), [nil, Sample.serial(1)], "the certificates")
            let other = try await backend.read { try $0.sessions.addressMemory(of: Sample.id(2), limit: 10).value }
            try expectEqual(other, [], "those of another node")
        },
    ]
}
