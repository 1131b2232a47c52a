/// Files that a person names: profiles that are written, exports that are read.
public enum OutputFile {
    /// Writes a file that only its owner can read, as a whole: a crash leaves the old or the new one. What is there and
    /// no plain file, a terminal or pipe for instance, is written as it stands.
    ///
    /// - Throws: `OperationError` with `cannotCreate`, `notPermitted` or `inputOutput`.
    public static func write(_ bytes: [UInt8], to path: String) throws(OperationError) {
        guard !path.isEmpty else { throw OperationError(.invalidArgument, "the name of the file to write is empty") }
        switch try FileFacts.read(path)?.kind {
        case .none, .regular: try FileBytes.replace(path, with: bytes, mode: 0o600)
        case .other: try FileBytes.append(bytes, to: path)
        case .directory: throw OperationError(.cannotCreate, "\(path) is a directory; name a file in it")
        }
    }

    /// Reads a file whole.
    ///
    /// - Returns: `nil` when there is no such file.
    /// - Throws: `OperationError` when it cannot be read or is larger than the limit.
    public static func read(_ path: String, limitBytes: Int) throws(OperationError) -> [UInt8]? {
        try FileBytes.read(path, limitBytes: limitBytes)
    }
}
