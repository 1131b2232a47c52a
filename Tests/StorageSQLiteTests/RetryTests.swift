import ClusterCore
import StorageSQLite
import Testing

@testable import StorageSQL

@Suite("Which failures are tried again")
struct RetryTests {
    private func run(_ policy: RetryPolicy, uptime: Shared<Duration>) throws -> RetryRun {
        let store = try TestStore()
        var environment = store.environment.environment
        environment.uptime = { uptime.value }
        return RetryRun(
            .init(authenticator: store.options().authenticator, environment: environment, retry: policy))
    }

    @Test(
        "what passes by itself is tried again; a server that is away only if it was there before",
        arguments: [
            ([.conflict, .busy, .connectionLost, .commitUnknown], [true, true, true, true]),
            ([.unavailable], [false]),
            ([.connectionLost, .unavailable, .unavailable], [true, true, true]),
            ([.conflict, .unavailable], [true, true]),
            ([.busy, .unavailable], [true, false]),
            ([.constraint("user.name")], [false]),
            ([.timeout], [false]),
            ([.readOnly], [false]),
            ([.moving], [false]),
            ([.conflict, .fenced], [true, false]),
        ] as [([StorageError.Code], [Bool])])
    func classes(codes: [StorageError.Code], expected: [Bool]) throws {
        var run = try run(RetryPolicy(), uptime: Shared(.zero))
        #expect(codes.map { run.mayRetry(StorageError($0, "")) } == expected)
    }

    @Test("a server that turned read-only is tried again where another one may take over")
    func readOnly() throws {
        var run = try run(RetryPolicy(retriesReadOnly: true), uptime: Shared(.zero))
        let codes: [StorageError.Code] = [.readOnly, .unavailable]
        #expect(codes.map { run.mayRetry(StorageError($0, "")) } == [true, true])
    }

    @Test("tries end by their number and by time")
    func bounds() throws {
        let uptime = Shared(Duration.zero)
        var counted = try run(RetryPolicy(tries: 3), uptime: uptime)
        #expect((0..<3).map { _ in counted.mayRetry(StorageError(.conflict, "")) } == [true, true, false])
        var timed = try run(RetryPolicy(time: .seconds(10)), uptime: uptime)
        let first = timed.mayRetry(StorageError(.conflict, ""))
        uptime.change { $0 = .seconds(10) }
        let late = timed.mayRetry(StorageError(.conflict, ""))
        #expect(first && !late)
    }
}
