internal import ArgumentParser
internal import Glibc

/// Passwords come from standard input or from a terminal without echo, never from an argument.
struct PasswordInput: ParsableArguments {
    @Flag(name: .customLong("password-stdin"), help: "Read the password from standard input (its first line).")
    var fromStandardInput = false

    /// The most bytes of standard input that are looked at.
    private static let limitBytes = 65536

    /// Reads the password.
    ///
    /// - Parameter name: Whose password it is, for the prompt.
    /// - Throws: `Failure` when there is none, when the two typed ones differ, or when there is no terminal to ask on.
    func read(for name: String) throws -> String {
        if fromStandardInput { return try Self.firstLine() }
        guard isatty(STDIN_FILENO) == 1 else {
            throw Failure(
                .usage, "no terminal to ask for the password on; pass it on standard input with --password-stdin")
        }
        let first = try Self.prompt("Password for \(OneLine.of(name)): ")
        let second = try Self.prompt("The same again: ")
        guard first == second else { throw Failure(.badData, "the two passwords differ; nothing was changed") }
        return first
    }

    private static func firstLine() throws -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count <= limitBytes {
            let count = Glibc.read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count > 0, byte != UInt8(ascii: "\n") else { break }
            bytes.append(byte)
        }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard bytes.count <= limitBytes, let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.badData, "the password on standard input is not a line of UTF-8 text")
        }
        guard !text.isEmpty else { throw Failure(.badData, "standard input holds no password") }
        return text
    }

    /// Asks on the terminal, which gives every key at once and shows none, so that an interrupt finds it mended.
    static func prompt(_ words: String) throws -> String {
        StandardError.write(words)
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else {
            throw Failure(.inputOutput, "cannot switch the terminal's echo off; use --password-stdin")
        }
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 else {
            throw Failure(.inputOutput, "cannot switch the terminal's echo off; use --password-stdin")
        }
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
            StandardError.write("\n")
        }
        return try typedLine()
    }

    private static func typedLine() throws -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count <= limitBytes {
            let count = Glibc.read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count > 0, byte != 3, byte != 4 else { throw Failure(.usage, "interrupted; nothing was changed") }
            switch byte {
            case 10, 13:
                guard !bytes.isEmpty else { throw Failure(.badData, "the password is empty; nothing was changed") }
                guard let text = String(validating: bytes, as: UTF8.self) else { break }
                return text
            case 8, 127: removeLastCharacter(&bytes)
            case 21: bytes.removeAll()
            default: bytes.append(byte)
            }
        }
        throw Failure(.badData, "the password is not a line of UTF-8 text; nothing was changed")
    }

    /// Takes back the last character, which may be several bytes of UTF-8.
    private static func removeLastCharacter(_ bytes: inout [UInt8]) {
        while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
    }
}
