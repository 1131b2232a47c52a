internal import ClusterCore
internal import Glibc

/// Where the password for a database server comes from. It is read anew at each connect, since tokens expire.
///
/// Neither its description nor an error has a password in it.
public enum PasswordSource: Hashable, Sendable {
    /// There is none: the server asks for none, or the library has a way of its own.
    case none
    /// A fixed one.
    case value(String)
    /// The first line of a file.
    case file(String)
    /// The first line that a program prints: its absolute path and its arguments, run without a shell, with the
    /// environment of this process and `/dev/null` as standard input and standard error.
    case command([String])

    /// The most bytes that a file or a program may give.
    static let limitBytes = 65_536

    /// The source that the parts of a URL name, of which at most one may be there.
    ///
    /// - Parameters:
    ///   - password: The password itself.
    ///   - file: A path.
    ///   - command: A program's absolute path and its arguments, parted by spaces. There is no quoting: what needs it
    ///     goes into a script.
    /// - Throws: ``ClusterCore/StorageError`` with `invalid` when there are several or one makes no sense.
    public init(password: String?, file: String?, command: String?) throws {
        switch (password, file, command) {
        case (nil, nil, nil): self = .none
        case (let password?, nil, nil): self = .value(password)
        case (nil, let file?, nil) where !file.isEmpty: self = .file(file)
        case (nil, nil, let command?):
            let words = command.split(separator: " ").map { String($0) }
            guard words.first?.hasPrefix("/") == true else {
                throw StorageError(
                    .invalid, "password-command does not begin with the absolute path of a program",
                    advice: "write password-command=/PATH/TO/PROGRAM, arguments after %20")
            }
            self = .command(words)
        default:
            throw StorageError(
                .invalid, "the URL of the database names more than one password, or an empty file",
                advice: "give one of: a password, password-file, password-command")
        }
    }

    /// The password as it is now. Blocks, for a program at most as long as `limit`, after which it is killed with all
    /// that it started.
    ///
    /// - Returns: `nil` for ``none``.
    /// - Throws: ``ClusterCore/StorageError`` with `permission` when there is no password to be had, `timeout` when the
    ///   program took too long.
    public func current(limit: Duration = .seconds(10)) throws -> String? {
        switch self {
        case .none: nil
        case .value(let password): password
        case .file(let path): try Self.firstLine(of: Self.contents(of: path), from: "the password file \(path)")
        case .command(let words):
            try Self.firstLine(of: ProgramOutput(words, limit: limit).read(), from: "the password command \(words[0])")
        }
    }

    private static func firstLine(of bytes: [UInt8]?, from source: String) throws -> String {
        let line = bytes?.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard let line, !line.isEmpty, !line.contains(0), let text = String(validating: line, as: UTF8.self) else {
            throw StorageError(
                .permission, "\(source) gives no password", advice: "it has to give one line of UTF-8, at most 64 KiB")
        }
        return text
    }

    /// What is in a file; `nil` when it is too large or cannot be read.
    private static func contents(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= limitBytes {
            let count = read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
        return nil
    }
}

extension PasswordSource: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The sort of source and the path, never a password or an argument.
    public var description: String {
        switch self {
        case .none: "no password"
        case .value: "a password"
        case .file(let path): "the file \(path)"
        case .command(let words): "the program \(words.first ?? "")"
        }
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The same as ``description``: dumps show no password either.
    public var customMirror: Mirror { Mirror(self, children: ["source": description]) }
}
