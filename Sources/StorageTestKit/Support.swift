internal import ClusterCore
internal import Dispatch
internal import Synchronization

func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    guard condition else { throw ConformanceFailure(what()) }
}

func expectEqual<Value: Equatable>(_ found: Value, _ expected: Value, _ what: String) throws {
    guard found == expected else { throw ConformanceFailure("\(what): found \(found), expected \(expected)") }
}

/// The class of the error that a piece of work fails with.
///
/// - Throws: ``ConformanceFailure`` when it does not fail, or with something else than a `StorageError`.
func failure<T>(of what: String, _ body: () async throws -> T) async throws -> StorageError.Code {
    do {
        _ = try await body()
    } catch let error as StorageError {
        return error.code
    } catch {
        throw ConformanceFailure("\(what) failed with something else than a StorageError: \(error)")
    }
    throw ConformanceFailure("\(what) went well and should have failed")
}

func expectFailure<T>(
    _ code: StorageError.Code, of what: String, _ body: () async throws -> T
) async throws {
    let found = try await failure(of: what, body)
    try expect(found == code, "\(what) failed with \(found) and not with \(code)")
}

extension StorageBackend {
    /// Changes configuration in a transaction of its own.
    @discardableResult
    func change<T: Sendable>(
        _ body: @escaping @Sendable (any ConfigurationChange) throws -> T
    ) async throws -> T {
        try await write { writer in try writer.change(by: .kit, body) }
    }
}

/// Runs pieces of work at once and waits for all.
///
/// - Returns: What each gave or threw, in order.
func atOnce<T: Sendable>(_ bodies: [@Sendable () async throws -> T]) async -> [Result<T, any Error>] {
    await withTaskGroup(of: (Int, Result<T, any Error>).self) { group in
        for (index, body) in bodies.enumerated() {
            group.addTask {
                do { return (index, .success(try await body())) } catch { return (index, .failure(error)) }
            }
        }
        var results: [(Int, Result<T, any Error>)] = []
        for await result in group { results.append(result) }
        return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
}

/// The classes of the errors among results.
func codes<T>(_ results: [Result<T, any Error>]) throws -> [StorageError.Code] {
    try results.compactMap { result in
        guard case .failure(let error) = result else { return nil }
        guard let error = error as? StorageError else {
            throw ConformanceFailure("something else than a StorageError was thrown: \(error)")
        }
        return error.code
    }
}

/// What a transaction's body waits for; those who wait longer than a bound go on without it, since a backend may hold
/// one transaction back until another is through.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { semaphore.signal() }

    /// Blocks the thread; for bodies of transactions.
    func wait(seconds: Double = 1) { _ = semaphore.wait(timeout: .now() + seconds) }

    /// Waits without blocking.
    func waitAsync(seconds: Double = 10) async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [self] in
                _ = semaphore.wait(timeout: .now() + seconds)
                continuation.resume()
            }
        }
    }
}

/// That a piece of work took too long.
struct TimeLimitPassed: Error {}

/// Runs `body`, and gives up waiting for it after a time: it is cancelled then, and left behind if that does not help.
func withTimeLimit(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Void
) async -> Result<Void, any Error> {
    let race = Race()
    let work = Task {
        do { race.end(.success(try await body())) } catch { race.end(.failure(error)) }
    }
    let timer = Task {
        try? await Task.sleep(for: limit)
        race.end(.failure(TimeLimitPassed()))
    }
    return await withTaskCancellationHandler {
        let result = await withCheckedContinuation { race.begin($0) }
        work.cancel()
        timer.cancel()
        return result
    } onCancel: {
        work.cancel()
    }
}

/// The first of several ends.
private final class Race: Sendable {
    private enum State {
        case running(CheckedContinuation<Result<Void, any Error>, Never>?)
        case over(Result<Void, any Error>)
    }

    private let state = Mutex(State.running(nil))

    func begin(_ continuation: CheckedContinuation<Result<Void, any Error>, Never>) {
        let early = state.withLock { state -> Result<Void, any Error>? in
            if case .over(let result) = state { return result }
            state = .running(continuation)
            return nil
        }
        if let early { continuation.resume(returning: early) }
    }

    func end(_ result: Result<Void, any Error>) {
        let waiting = state.withLock { state -> CheckedContinuation<Result<Void, any Error>, Never>? in
            guard case .running(let continuation) = state else { return nil }
            state = .over(result)
            return continuation
        }
        waiting?.resume(returning: result)
    }
}
