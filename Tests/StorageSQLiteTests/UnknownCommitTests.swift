import ClusterCore
import StorageSQL
import Synchronization
import Testing

@testable import StorageSQLite

@Suite("Commits whose outcome is unknown")
struct UnknownCommitTests {
    /// A store whose commits fail as told; the cluster is there already.
    private func prepared(
        _ faults: [FaultyDatabase.Fault], tries: Int = 10
    ) async throws -> (SQLBackend, FaultyDatabase) {
        let store = try TestStore()
        await (try store.openWithCluster()).close()
        let options = store.options()
        let database = FaultyDatabase(faults: faults)
        let backend = SQLBackend(
            options: .init(
                authenticator: options.authenticator, environment: store.environment.environment,
                retry: RetryPolicy(tries: tries, longestDelay: .milliseconds(5)))
        ) { request in
            try database.connection(options.connection(store.path, request.mode))
        }
        return (backend, database)
    }

    /// Counts up the failed logins of a user without any version check, so that applying it twice shows.
    private func increment(_ backend: SQLBackend, _ user: UserID) async throws -> Int {
        try await backend.write { writer in
            let now = try writer.now()
            var failures =
                try writer.accounts.loginFailures(of: user)
                ?? LoginFailures(user: user, count: 0, firstAt: now, lastAt: now)
            failures.count += 1
            return try writer.accounts.record(failures).count
        }
    }

    @Test(
        "a write is neither lost nor applied twice, however its commits fail",
        arguments: [
            [.none], [.answerLost], [.requestLost], [.late], [.tooLate], [.conflict], [.connectionLost],
            [.answerLost, .answerLost], [.requestLost, .requestLost, .answerLost], [.requestLost, .late],
            [.late, .answerLost], [.conflict, .answerLost], [.requestLost, .conflict, .connectionLost],
            [.tooLate, .answerLost], [.tooLate, .tooLate], [.tooLate, .late, .conflict],
            [.givenUp], [.givenUp, .givenUp, .answerLost], [.requestLost, .givenUp],
        ] as [[FaultyDatabase.Fault]])
    func exactlyOnce(faults: [FaultyDatabase.Fault]) async throws {
        let (backend, database) = try await prepared(faults)
        let user: UserID = sample(5)
        #expect(try await increment(backend, user) == 1)
        #expect(database.commits == 1, "\(faults)")
        #expect(try await increment(backend, user) == 2, "\(faults)")
        #expect(try await backend.read { try $0.accounts.loginFailures(of: user)?.count } == 2)
        await backend.close()
    }

    @Test("random faults lose nothing and apply nothing twice")
    func randomFaults() async throws {
        var generator = SeededGenerator.announced()
        let choice: [FaultyDatabase.Fault] = [
            .none, .answerLost, .requestLost, .late, .tooLate, .conflict, .connectionLost,
        ]
        let faults = (0..<300).map { _ in choice[Int.random(in: 0..<choice.count, using: &generator)] }
        let (backend, _) = try await prepared(faults, tries: 1000)
        let user: UserID = sample(5)
        for expected in 1...60 { #expect(try await increment(backend, user) == expected) }
        await backend.close()
    }

    @Test("what the body returns comes from the run that was committed")
    func value() async throws {
        let (backend, _) = try await prepared([.requestLost, .answerLost])
        let runs = Mutex(0)
        let run = try await backend.write { _ in
            runs.withLock { runs in
                runs += 1
                return runs
            }
        }
        #expect(run == 2)
        #expect(runs.withLock { $0 } == 2)
        await backend.close()
    }

    @Test("a refusal that comes after an unknown commit is told only once that commit cannot land any more")
    func refusalSettles() async throws {
        let (backend, database) = try await prepared([.tooLate])
        let runs = Mutex(0)
        let user = sampleUser(5, name: "alice")
        struct Refused: Error {}
        await #expect(throws: Refused.self) {
            try await backend.write { writer in
                let isFirst = runs.withLock { runs in
                    runs += 1
                    return runs == 1
                }
                guard isFirst else { throw Refused() }
                try writer.change(by: .test) { _ = try $0.add(user) }
            }
        }
        #expect(database.refusedLate == 1)
        #expect(try await backend.read { try $0.accounts.userCount() } == 0)
        await backend.close()
    }

    @Test("when all tries are used up, that the outcome is unknown is what is said")
    func givenUp() async throws {
        let (backend, _) = try await prepared([.requestLost, .connectionLost, .conflict], tries: 3)
        let user: UserID = sample(5)
        #expect(await failureCode { try await increment(backend, user) } == .commitUnknown)
        await backend.close()
    }

    @Test("conflicts are tried again a bounded number of times, with bounded delays that differ")
    func bounds() async throws {
        let (backend, database) = try await prepared([FaultyDatabase.Fault](repeating: .conflict, count: 4), tries: 4)
        let user: UserID = sample(5)
        #expect(await failureCode { try await increment(backend, user) } == .conflict)
        #expect(database.commits == 0)
        #expect(try await increment(backend, user) == 1)
        await backend.close()

        var generator = SeededGenerator(seed: 3)
        let policy = RetryPolicy(firstDelay: .milliseconds(4), longestDelay: .milliseconds(100))
        for attempt in [1, 2, 5, 10, 1000] {
            let bound = min(Duration.milliseconds(100), .milliseconds(4) * (1 << min(attempt - 1, 10)))
            let delays = (0..<50).map { _ in policy.delay(after: attempt, using: &generator) }
            #expect(delays.allSatisfy { $0 >= .zero && $0 <= bound })
            #expect(Set(delays).count > 10)
        }
    }
}
