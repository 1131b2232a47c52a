internal import ClusterOperations
internal import Glibc

/// The passphrase of a backup comes from a file or from a terminal without echo, never from an argument.
enum PassphraseInput {
    /// The most bytes of a file that are looked at.
    private static let limitBytes = 4_096

    /// The first line of a file, or of standard input for `-`.
    static func read(_ path: String) throws -> String {
        let bytes = try PrivateFile.read(path, limitBytes: limitBytes)
        var line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard let text = String(validating: line, as: UTF8.self), !text.isEmpty else {
            throw Failure(.badData, "\(path) does not begin with a passphrase, a line of UTF-8 text")
        }
        return text
    }

    /// Asks on the terminal.
    ///
    /// - Parameter twice: Whether it is typed twice, as a new one.
    /// - Throws: `Failure` when there is no terminal, or the two typed ones differ.
    static func ask(twice: Bool) throws -> String {
        guard isatty(STDIN_FILENO) == 1 else {
            throw Failure(.usage, "no terminal to ask for the passphrase on; give it with --passphrase-file FILE")
        }
        let first = try PasswordInput.prompt("Passphrase of the backup: ")
        if twice, try PasswordInput.prompt("The same again: ") != first {
            throw Failure(.badData, "the two passphrases differ; nothing was written")
        }
        return first
    }
}
