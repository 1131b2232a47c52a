internal import Glibc

/// An exclusive lock on a file, held until the value goes away or the process ends, however it ends.
public final class DirectoryLock: Sendable {
    private let number: CInt

    /// Takes the lock.
    ///
    /// - Parameters:
    ///   - path: The lock file; it is made when missing and stays afterwards.
    ///   - wait: Whether to wait for a holder (which is only right for holders that are brief).
    /// - Returns: `nil` when another process holds the lock and `wait` is false.
    /// - Throws: `OperationError` when the file cannot be made.
    static func take(_ path: String, wait: Bool) throws(OperationError) -> DirectoryLock? {
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw SystemError.current.explained("lock", path, otherwise: .cannotCreate) }
        while flock(opened, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
            let error = SystemError.current
            if error.number == EINTR { continue }
            _ = close(opened)
            if error.number == EWOULDBLOCK { return nil }
            throw error.explained("lock", path, otherwise: .inputOutput)
        }
        return DirectoryLock(number: opened)
    }

    private init(number: CInt) { self.number = number }

    /// Gives the lock up now rather than at the end of the value's life.
    deinit { _ = close(number) }
}
