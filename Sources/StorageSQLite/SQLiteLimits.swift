internal import CSQLite
internal import ClusterCore
internal import StorageSQL
internal import Synchronization

/// Stops what a connection does, from another thread (https://www.sqlite.org/c3ref/interrupt.html).
///
/// `@unchecked Sendable`: the handle is used under the lock alone, and not after ``disarm()``, which comes before it is
/// closed.
final class SQLiteStopper: StatementCanceller, @unchecked Sendable {
    private let handle: OpaquePointer
    private let isArmed = Mutex(true)

    init(_ handle: OpaquePointer) { self.handle = handle }

    /// Has the statement that runs end with `timeout`; does nothing when none runs, or a commit.
    func cancel() {
        isArmed.withLock { if $0 { sqlite3_interrupt(handle) } }
    }

    /// From now on nothing is stopped.
    func disarm() { isArmed.withLock { $0 = false } }

    /// From now on statements are stopped again.
    func arm() { isArmed.withLock { $0 = true } }
}

/// Ends statements that take too long (https://www.sqlite.org/c3ref/progress_handler.html). Used on its connection's
/// thread.
///
/// The clock is read once in ``steps`` steps of SQLite's machine, so a short statement costs nothing; a statement's time
/// counts from the first reading.
final class SQLiteStatementLimit {
    private static let steps: CInt = 4000

    /// Whether statements may take as long as they like.
    var isOff = false
    private let limit: Duration
    private let uptime: @Sendable () -> Duration
    private var begin: Duration?

    init(_ limit: Duration, uptime: @escaping @Sendable () -> Duration) {
        self.limit = limit
        self.uptime = uptime
    }

    /// Watches the statements of a connection, which must not outlive this object.
    func attach(to handle: OpaquePointer) {
        let this = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_progress_handler(
            handle, Self.steps,
            { context in
                guard let context else { return 0 }
                return Unmanaged<SQLiteStatementLimit>.fromOpaque(context).takeUnretainedValue().isOver ? 1 : 0
            }, this)
    }

    /// A statement begins.
    func restart() { begin = nil }

    private var isOver: Bool {
        guard !isOff else { return false }
        let now = uptime()
        guard let begin else {
            begin = now
            return false
        }
        return now - begin >= limit
    }
}

/// The text of a statement as a key. Texts are long, few and differ in their lengths or at their ends, so hashing all of
/// one would cost more than the look-up.
struct SQLiteStatementText: Hashable {
    let text: String

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { bytes in
            hasher.combine(bytes.count)
            hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes).suffix(24)))
        }
    }
}
