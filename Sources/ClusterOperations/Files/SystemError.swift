internal import Glibc

/// The kernel's answer to a failed call, as a value, so that `errno` is read once.
struct SystemError: Hashable, Sendable {
    let number: CInt

    /// What `errno` holds now.
    static var current: SystemError { SystemError(number: errno) }

    /// The system's words for the error, for instance "No space left on device".
    var text: String {
        guard let words = strerror(number) else { return "error \(number)" }
        return String(cString: words)
    }

    /// Turns the error of a call on `path` into one that says how to mend it.
    ///
    /// - Parameters:
    ///   - action: What was tried, for instance "write".
    ///   - path: The file it was tried on.
    ///   - code: The kind of failure when the number does not say more.
    func explained(_ action: String, _ path: String, otherwise code: OperationError.Code) -> OperationError {
        let what = "cannot \(action) \(path): \(text)"
        switch number {
        case EACCES, EPERM:
            return OperationError(.notPermitted, "\(what); run as the owner of the data directory, or as root")
        case ENOSPC, EDQUOT:
            return OperationError(.inputOutput, "\(what); free some space and run the command again")
        case EROFS:
            return OperationError(code, "\(what); mount the file system writable or choose another directory")
        case ENOENT:
            return OperationError(code, "\(what); check the path")
        case EIO:
            return OperationError(.inputOutput, "\(what); check the disk (dmesg says more)")
        case EMFILE, ENFILE:
            return OperationError(.tryLater, "\(what); raise the limit of open files (ulimit -n)")
        default:
            return OperationError(code, what)
        }
    }
}
