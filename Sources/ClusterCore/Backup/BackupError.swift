/// A file that is no backup, a damaged one, or one that cannot be opened with what was given.
public struct BackupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong. New codes may appear in minor releases.
    public enum Code: Hashable, Sendable {
        /// The file is something else.
        case foreign
        /// A newer version of the program wrote it.
        case newer
        /// It ends too early.
        case truncated
        /// A checksum is wrong, or something is not of the form that it must have.
        case damaged
        /// The passphrase or the private key is not the one that it was made with.
        case wrongKey
    }

    /// What is wrong.
    public var code: Code
    /// What is wrong and how to mend it, one line.
    public var message: String

    /// Makes an error of its parts, which are explained at the properties.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }

    static func damaged(_ where: String) -> BackupError {
        BackupError(.damaged, "the backup is damaged: \(`where`); take another copy of it")
    }
}
