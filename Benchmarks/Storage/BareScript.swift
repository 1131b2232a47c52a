import BareClients
import StorageSQL

/// Statements in the form in which a bare client takes them. The memory is this object's, which must outlive its
/// clients.
final class BareScript {
    let script: UnsafeMutablePointer<bare_script>
    private var blocks: [UnsafeMutableRawPointer] = []

    /// - Parameters:
    ///   - statements: What is run for each key.
    ///   - key: The key that the statements were recorded with; each operation has its own in its place.
    ///   - begin: What goes before, in a transaction; and `commit` after.
    ///   - keysPerOperation: How often the statements run in one operation.
    init(
        _ statements: [RecordedStatement], key: [UInt8], begin: String? = nil, commit: String? = nil,
        keysPerOperation: Int = 1
    ) {
        script = .allocate(capacity: 1)
        script.initialize(to: bare_script())
        let list = allocate(bare_statement.self, statements.count)
        for (index, statement) in statements.enumerated() {
            let values = allocate(bare_value.self, statement.values.count)
            for (position, value) in statement.values.enumerated() {
                values[position] = bare(value, key: key, isMarker: statement.text.contains("commit_markers"))
            }
            list[index] = bare_statement(
                text: text(statement.text), values: values, value_count: CInt(statement.values.count))
        }
        script.pointee = bare_script(
            begin: begin.map { text($0) }, commit: commit.map { text($0) }, statements: list,
            statement_count: CInt(statements.count), keys_per_operation: CInt(keysPerOperation))
    }

    deinit {
        for block in blocks { block.deallocate() }
        script.deallocate()
    }

    /// A value as the client binds it. Times, and counters that were given the time, grow from operation to operation.
    private func bare(_ value: SQLValue, key: [UInt8], isMarker: Bool) -> bare_value {
        switch value {
        case .null, .real: return bare_value(kind: BARE_NULL, integer: 0, bytes: nil, length: 0)
        case .integer(let number):
            let kind = number > 1_000_000_000_000_000 ? BARE_CLOCK : BARE_INTEGER
            return bare_value(kind: kind, integer: number, bytes: nil, length: 0)
        case .text(let text): return bare(BARE_TEXT, Array(text.utf8))
        case .blob(let bytes):
            if bytes == key { return bare(BARE_KEY, bytes) }
            return bare(isMarker && bytes.count == 16 ? BARE_UNIQUE : BARE_BLOB, bytes)
        }
    }

    private func bare(_ kind: bare_kind, _ bytes: [UInt8]) -> bare_value {
        let copy = allocate(UInt8.self, bytes.count)
        copy.update(from: bytes, count: bytes.count)
        return bare_value(kind: kind, integer: 0, bytes: copy, length: bytes.count)
    }

    private func text(_ text: String) -> UnsafePointer<CChar> {
        let bytes = Array(text.utf8CString)
        let copy = allocate(CChar.self, bytes.count)
        copy.update(from: bytes, count: bytes.count)
        return UnsafePointer(copy)
    }

    private func allocate<T>(_ type: T.Type, _ count: Int) -> UnsafeMutablePointer<T> {
        let block = UnsafeMutablePointer<T>.allocate(capacity: count + 1)
        blocks.append(UnsafeMutableRawPointer(block))
        return block
    }
}

/// Bare clients that are open, one connection each.
final class BareClients {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let script: BareScript
    private var clients: [UnsafeMutablePointer<bare_client>?] = []

    /// Opens `count` clients by `open`, which gives its reason in the buffer when it fails.
    init(
        _ script: BareScript, count: Int,
        open: (UnsafePointer<bare_script>, UnsafeMutablePointer<CChar>) -> UnsafeMutablePointer<bare_client>?
    ) throws {
        self.script = script
        for _ in 0..<count {
            let client = try Self.reporting { error in open(UnsafePointer(script.script), error) }
            clients.append(client)
        }
    }

    deinit {
        for client in clients { bare_close(client) }
    }

    /// Runs so many operations on each connection, all at once; blocks.
    func run(_ operations: Int, keys: [[UInt8]]) throws -> Duration {
        let bytes = keys.flatMap { $0 }
        let nanoseconds = try Self.reporting { error -> Int64? in
            let time = bare_elapsed(
                &clients, CInt(clients.count), bytes, CInt(keys.count), CInt(operations), error)
            return time < 0 ? nil : time
        }
        return .nanoseconds(nanoseconds)
    }

    private static func reporting<T>(_ body: (UnsafeMutablePointer<CChar>) -> T?) throws -> T {
        var error = [CChar](repeating: 0, count: 256)
        if let value = body(&error) { return value }
        throw Failure(description: "a bare client failed: \(error.withUnsafeBufferPointer { text($0) })")
    }

    private static func text(_ buffer: UnsafeBufferPointer<CChar>) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
