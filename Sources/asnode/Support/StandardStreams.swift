internal import ClusterOperations
internal import Foundation
internal import Glibc
internal import Synchronization

/// Standard error, for errors, prompts and logs.
enum StandardError {
    /// Writes text as it is. What cannot be written is lost: there is nowhere else to say so.
    static func write(_ text: String) { _ = Descriptor.write(text, to: STDERR_FILENO) }
}

/// Standard output, for facts.
enum StandardOutput {
    /// The first error of writing, as `errno` had it; 0 when there was none.
    private static let failure = Atomic<CInt>(0)

    /// Writes text as it is; an error is kept for ``finish()``.
    static func write(_ text: String) {
        guard failure.load(ordering: .relaxed) == 0 else { return }
        failure.store(Descriptor.write(text, to: STDOUT_FILENO), ordering: .relaxed)
    }

    /// Looks back at what was written.
    ///
    /// - Throws: `OperationError` with `inputOutput` when not all of it could be written (a full disk, a closed pipe).
    static func finish() throws(OperationError) {
        let number = failure.load(ordering: .relaxed)
        guard number == 0 else {
            let words = strerror(number).map { String(cString: $0) } ?? "error \(number)"
            throw OperationError(.inputOutput, "cannot write standard output: \(words)")
        }
    }

    /// Prints a value as one JSON document with sorted keys.
    static func print(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
    }
}

/// Prints a line on standard output. In place of the standard library's, which does not tell when it fails.
func print(_ text: String, terminator: String = "\n") { StandardOutput.write(text + terminator) }

/// Whole writes to file descriptors.
private enum Descriptor {
    /// Writes all of a text.
    ///
    /// - Returns: 0, or `errno`.
    static func write(_ text: String, to number: CInt) -> CInt {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(number, buffer.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno }
            written += count
        }
        return 0
    }
}

/// A plain table for people: columns as wide as their widest cell.
struct Table {
    private var rows: [[String]]

    /// A table with a heading for each column.
    init(_ headings: String...) { rows = [headings] }

    /// Adds a row.
    mutating func add(_ cells: String...) { rows.append(cells.map(OneLine.of)) }

    /// Prints the table, or the words given when it has no rows.
    func show(ifEmpty words: String) {
        guard rows.count > 1 else { return print(words) }
        var widths = [Int](repeating: 0, count: rows.map(\.count).max() ?? 0)
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        for row in rows {
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column < row.count - 1 { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
            }
            while line.hasSuffix(" ") { line.removeLast() }
            print(line)
        }
    }
}
