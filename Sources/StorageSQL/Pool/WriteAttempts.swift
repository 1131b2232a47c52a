internal import ClusterCore

/// How one try of a write ended.
enum WriteOutcome<Value: Sendable>: Sendable {
    /// It was committed.
    case committed(Value)
    /// The commit was sent and no answer came.
    case unknown(Value, StorageError)
    /// An earlier try, of this number, turned out to be committed.
    case committedBefore(attempt: Int)
    /// It was rolled back.
    case failed(any Error)
    /// It was rolled back, and no earlier try can be committed any more.
    case settled(any Error)
}

/// One try of a write.
struct WriteAttempt: Sendable {
    /// The key of the marker row, made before the first try and the same for all.
    var marker: ChangeID
    /// The number of the try, from 1.
    var number: Int
    /// Whether the outcome of an earlier try is unknown.
    var isResolving: Bool
}

/// The tries of one write, and what is known of them.
///
/// A commit whose outcome is unknown may still be on its way when one looks for its marker row. So every try writes the
/// same marker key: two of them cannot both commit. When the body of a later try fails while an earlier one is
/// unknown, a transaction with the marker row alone shuts the earlier one out before the failure is reported.
struct WriteAttempts<Value: Sendable> {
    enum Decision {
        case done(Value)
        case fail(any Error)
        case retry(StorageError)
    }

    private let marker: ChangeID
    private var count = 0
    private var unknown: [Int: Value] = [:]

    init(marker: ChangeID) { self.marker = marker }

    mutating func next() -> WriteAttempt {
        count += 1
        return WriteAttempt(marker: marker, number: count, isResolving: !unknown.isEmpty)
    }

    mutating func decide(
        _ outcome: WriteOutcome<Value>, mayRetry: (StorageError) -> Bool
    ) -> Decision {
        switch outcome {
        case .committed(let value):
            return .done(value)
        case .committedBefore(let attempt):
            return unknown[attempt].map { .done($0) } ?? .fail(Self.shutOut)
        case .unknown(let value, let error):
            unknown[count] = value
            return mayRetry(error) ? .retry(error) : .fail(Self.stillUnknown(error))
        case .settled(let error):
            return .fail(error)
        case .failed(let error):
            if let error = error as? StorageError, mayRetry(error) { return .retry(error) }
            return .fail(unknown.isEmpty ? error : Self.stillUnknown(error))
        }
    }

    /// Runs what waits for the next try. When the task is cancelled while an outcome is unknown, that is what is said.
    func resolving(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            throw unknown.isEmpty ? error : Self.stillUnknown(error)
        }
    }

    /// The marker is that of the transaction which shuts earlier tries out, and whose own answer was lost.
    private static var shutOut: StorageError {
        StorageError(.conflict, "the change was given up and nothing of it was written", advice: "try it again")
    }

    private static func stillUnknown(_ error: any Error) -> StorageError {
        StorageError(
            .commitUnknown, "whether the last change was committed could not be found out",
            advice: "look whether it is there before making it again",
            nativeCode: (error as? StorageError)?.nativeCode ?? "")
    }
}
