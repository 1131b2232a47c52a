internal import ClusterCore

extension StorageConformance {
    /// A counter: the failed logins of user 1.
    static func increment(_ writer: any StorageWriter) throws {
        let old = try writer.accounts.loginFailures(of: Sample.id(1))
        var next =
            old ?? LoginFailures(user: Sample.id(1), count: 0, firstAt: Sample.time, lastAt: Sample.time)
        next.count += 1
        try writer.accounts.record(next)
    }

    static func counter(_ backend: any StorageBackend) async throws -> Int {
        try await backend.read { try $0.accounts.loginFailures(of: Sample.id(1))?.count ?? 0 }
    }

    static let isolation: [ConformanceCase] = [
        ConformanceCase("isolation: of increments by many at once none is lost and none counts twice") { store in
            let handles = try await store.founded(handles: 3)
            let results = await atOnce(
                handles.map { handle in
                    { @Sendable in for _ in 0..<20 { try await handle.write { try increment($0) } } }
                })
            for result in results { try result.get() }
            try expectEqual(try await counter(handles[0]), 60, "60 increments")
        },
        ConformanceCase("isolation: a version that is not the stored one any more is refused") { store in
            let handles = try await store.founded(handles: 2)
            try await handles[0].change { _ = try $0.add(Sample.user(1)) }
            try await handles[0].write { try increment($0) }
            let user = try await handles[0].read { try $0.accounts.user(Sample.id(1)) }
            let failures = try await handles[0].read { try $0.accounts.loginFailures(of: Sample.id(1)) }
            guard var user, var failures else { throw ConformanceFailure("what was written is not there") }
            try await handles[1].write { [user] writer in
                var other = user
                other.isAdmin = true
                try writer.change(by: .kit) { [other] in _ = try $0.update(other) }
                try increment(writer)
            }
            user.isEnabled = false
            failures.count = 100
            let (late, lateFailures) = (user, failures)
            try await expectFailure(.outdated, of: "an update with an old version") {
                try await handles[0].change { _ = try $0.update(late) }
            }
            try await expectFailure(.outdated, of: "failed logins with an old version") {
                try await handles[0].write { _ = try $0.accounts.record(lateFailures) }
            }
            try await expectFailure(.outdated, of: "first failed logins where there are some") {
                let first = LoginFailures(user: Sample.id(1), count: 1, firstAt: Sample.time, lastAt: Sample.time)
                try await handles[0].write { _ = try $0.accounts.record(first) }
            }
            let stored = try await handles[0].read { try $0.accounts.user(Sample.id(1)) }
            try expect(stored?.isEnabled == true && stored?.isAdmin == true, "the first update was lost")
            try expectEqual(stored?.version, 2, "the version")
            try expectEqual(try await counter(handles[0]), 2, "the failed logins")
        },
        ConformanceCase("isolation: two who each rely on what the other changes do not both change it") { store in
            let handles = try await store.founded(handles: 2)
            for round: UInt64 in 0..<5 {
                let ids = [10 * round + 1, 10 * round + 2].map { Sample.id($0) as UserID }
                try await handles[0].change { change in
                    for number in [10 * round + 1, 10 * round + 2] { try change.add(Sample.user(number)) }
                }
                let results = await atOnce(
                    (0..<2).map { index in { @Sendable in try await disable(ids[index], of: ids, handles[index]) } })
                for result in results { try result.get() }
                let enabled = try await handles[0].read { reader in
                    try ids.count { try reader.accounts.user($0)?.isEnabled == true }
                }
                try expectEqual(enabled, 1, "round \(round): users that are left enabled")
            }
        },
        ConformanceCase(
            "isolation: so too where they write no row in common", requires: .serializable
        ) { store in
            let handles = try await store.founded(handles: 2)
            let ids: [NodeID] = [Sample.id(1), Sample.id(2)]
            try await handles[0].write { writer in
                for number: UInt64 in 1...2 { try writer.nodes.add(Sample.node(number)) }
            }
            for round in 0..<5 {
                try await handles[0].write { writer in
                    for id in ids { try writer.nodes.setState(.active, of: id) }
                }
                let results = await atOnce(
                    (0..<2).map { index in { @Sendable in try await drain(ids[index], of: ids, handles[index]) } })
                for result in results { try result.get() }
                let active = try await handles[0].read { try $0.nodes.nodes().count { $0.state == .active } }
                try expectEqual(active, 1, "round \(round): nodes that are left active")
            }
        },
        ConformanceCase("isolation: a body that reads sees one state, whatever others write meanwhile") { store in
            let handles = try await store.founded(handles: 2)
            try await handles[0].change { _ = try $0.add(Sample.user(1)) }
            let (began, wrote) = (Gate(), Gate())
            async let seen = handles[1].read { reader in
                let first = (try reader.accounts.userCount(), try reader.config.revision())
                began.open()
                wrote.wait()
                let second = (try reader.accounts.userCount(), try reader.config.revision())
                let page = try reader.accounts.users(after: nil, limit: 10).rows.count
                return [first.0 == second.0, first.1 == second.1, page == first.0]
            }
            await began.waitAsync()
            try await handles[0].change { _ = try $0.add(Sample.user(2)) }
            wrote.open()
            try expectEqual(try await seen, [true, true, true], "count, revision and page are of one state")
            try expectEqual(try await handles[1].read { try $0.accounts.userCount() }, 2, "the users afterwards")
        },
        ConformanceCase("isolation: what is not committed yet is seen by nobody else, and all of it at once then") {
            store in
            let handles = try await store.founded(handles: 2)
            let (wrote, looked) = (Gate(), Gate())
            async let writing: Void = handles[0].write { writer in
                try writer.change(by: .kit) { change in
                    for number: UInt64 in 1...3 { try change.add(Sample.user(number)) }
                }
                wrote.open()
                looked.wait()
                try writer.sessions.begin([Sample.session(1)])
            }
            await wrote.waitAsync()
            let during = try await handles[1].read { reader in
                (try reader.accounts.userCount(), try reader.sessions.session(Sample.id(1)) != nil)
            }
            looked.open()
            try await writing
            // A backend may have made the reader wait until the writer was through.
            try expect(during == (0, false) || during == (3, true), "half of a transaction was seen: \(during)")
            let after = try await handles[1].read { reader in
                (try reader.accounts.userCount(), try reader.sessions.session(Sample.id(1)) != nil)
            }
            try expect(after == (3, true), "what was committed is not seen: \(after)")
        },
        ConformanceCase("isolation: what was written is read by everyone as soon as the writer knows") { store in
            let handles = try await store.founded(handles: 3)
            for handle in handles { _ = try await handle.read { try $0.config.revision() } }
            for round in 1...30 {
                try await handles[round % 3].write { try increment($0) }
                for (index, handle) in handles.enumerated() {
                    try expectEqual(try await counter(handle), round, "round \(round), handle \(index)")
                }
            }
        },
        ConformanceCase("isolation: a body reads what it wrote itself") { store in
            let backend = try await store.founded()
            try await backend.write { writer in
                try increment(writer)
                try increment(writer)
                try expectEqual(try writer.accounts.loginFailures(of: Sample.id(1))?.count, 2, "the count within")
                try writer.change(by: .kit) { change in
                    try change.add(Sample.user(1))
                    let found = try change.reader.accounts.user(named: Sample.user(1).name)?.id
                    try expectEqual(found, Sample.id(1), "the user within the change")
                }
                try expectEqual(try writer.reader.config.revision().number, 2, "the revision after the change")
            }
        },
        ConformanceCase("isolation: when a body throws, its error comes out and nothing is written") { store in
            let backend = try await store.founded()
            struct Own: Error {}
            do {
                try await backend.write { writer in
                    try increment(writer)
                    try writer.change(by: .kit) { _ = try $0.add(Sample.user(1)) }
                    throw Own()
                }
                throw ConformanceFailure("the error did not come out")
            } catch is Own {}
            try expectEqual(try await counter(backend), 0, "the counter")
            try expectEqual(try await backend.read { try $0.accounts.userCount() }, 0, "the users")
            try expectEqual(try await backend.read { try $0.config.revision().number }, 1, "the revision")
        },
        ConformanceCase("isolation: a change that failed cannot be committed, even if its error is kept in") { store in
            let backend = try await store.founded()
            struct Own: Error {}
            _ = try? await backend.write { writer in
                try increment(writer)
                _ = try? writer.change(by: .kit) { change in
                    try change.add(Sample.user(1))
                    throw Own()
                }
            }
            try expectEqual(try await backend.read { try $0.accounts.userCount() }, 0, "the users")
            try expectEqual(try await counter(backend), 0, "the counter")
        },
    ]

    /// Disables one of the users unless it is the last that is enabled.
    private static func disable(_ id: UserID, of all: [UserID], _ backend: any StorageBackend) async throws {
        try await backend.write { writer in
            let enabled = try all.compactMap { try writer.accounts.user($0) }.filter(\.isEnabled)
            guard enabled.count > 1, var user = enabled.first(where: { $0.id == id }) else { return }
            user.isEnabled = false
            try writer.change(by: .kit) { [user] in _ = try $0.update(user) }
        }
    }

    /// Drains one of the nodes unless it is the last active one.
    private static func drain(_ id: NodeID, of all: [NodeID], _ backend: any StorageBackend) async throws {
        try await backend.write { writer in
            let active = try all.count { try writer.nodes.node($0)?.state == .active }
            if active > 1 { try writer.nodes.setState(.draining, of: id) }
        }
    }
}
