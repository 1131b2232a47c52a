internal import ClusterOperations
internal import Glibc

/// Files that a person names on the command line.
enum PrivateFile {
    /// Writes a file that only its owner can read; a device or pipe is written as it is.
    static func write(_ text: String, to path: String) throws(OperationError) {
        try OutputFile.write(Array(text.utf8), to: path)
    }

    /// Reads a file, or standard input for `-`.
    ///
    /// - Throws: `OperationError` when there is no such file or it is larger than the limit.
    static func read(_ path: String, limitBytes: Int) throws(OperationError) -> [UInt8] {
        guard let bytes = try OutputFile.read(path == "-" ? "/dev/stdin" : path, limitBytes: limitBytes) else {
            throw OperationError(.notFound, "there is no file \(path)")
        }
        return bytes
    }
}
