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
        if path == "-" { return try standardInput(limitBytes: limitBytes) }
        guard let bytes = try OutputFile.read(path, limitBytes: limitBytes) else {
            throw OperationError(.notFound, "there is no file \(path)")
        }
        return bytes
    }

    /// Reads standard input to its end, however late that comes.
    private static func standardInput(limitBytes: Int) throws(OperationError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while bytes.count <= limitBytes {
            let count = Glibc.read(STDIN_FILENO, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw OperationError(.badData, "standard input cannot be read") }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
        throw OperationError(.badData, "standard input has more than \(limitBytes) bytes")
    }
}
