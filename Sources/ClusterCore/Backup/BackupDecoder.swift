internal import Crypto

/// Reads a backup from its beginning to its end and takes no byte on trust; see ``BackupFormat``.
///
/// Holds one record at a time, so it needs a few times 8 MiB at most, whatever the file says.
public struct BackupDecoder {
    /// What a record says.
    public enum Item: Sendable {
        /// The first.
        case header(BackupHeader)
        /// The cluster's key, closed.
        case key(KeyEnvelope)
        /// The name and columns of a table whose rows follow.
        case table(name: String, columns: [String])
        /// Rows of that table.
        case rows([ContentRow])
        /// The last: the number of all rows was right, and so was the checksum over all.
        case end(rows: Int)
    }

    private enum Place {
        case start, header, key, table, end
    }

    private let read: (Int) throws -> [UInt8]
    private var whole = SHA256()
    private var place = Place.start
    private var names: Set<String> = []
    private var columns = 0
    private var rowCount = 0

    /// - Parameter read: Gives the next bytes of the file: as many as asked for, fewer only at its end.
    public init(read: @escaping (Int) throws -> [UInt8]) { self.read = read }

    /// Reads the next record.
    ///
    /// - Returns: `nil` after the end.
    /// - Throws: ``BackupError``; what reading throws.
    public mutating func next() throws -> Item? {
        switch place {
        case .end:
            guard try read(1).isEmpty else { throw BackupError.damaged("something follows its end") }
            return nil
        case .start: try readBeginning()
        default: break
        }
        let before = whole
        let (kind, payload) = try readRecord()
        switch (kind, place) {
        case (.header, .start):
            guard let header = BackupHeader(encoded: payload) else { throw Self.malformed(kind) }
            place = .header
            return .header(header)
        case (.key, .header):
            guard let envelope = KeyEnvelope(encoded: payload) else { throw Self.malformed(kind) }
            place = .key
            return .key(envelope)
        case (.table, .header), (.table, .key), (.table, .table):
            place = .table
            return try table(payload)
        case (.rows, .table):
            return .rows(try rows(payload))
        case (.end, .header), (.end, .key), (.end, .table):
            place = .end
            return .end(rows: try checkEnd(payload, before: before))
        default:
            throw BackupError.damaged("its records are not in order")
        }
    }

    private mutating func readBeginning() throws {
        let beginning = try read(BackupFormat.magic.count + 4)
        guard beginning.starts(with: BackupFormat.magic) else {
            throw BackupError(.foreign, "the file is no backup of asnode; name one that 'asnode backup' wrote")
        }
        var cursor = ByteCursor(Array(beginning.dropFirst(BackupFormat.magic.count)))
        guard let version = cursor.number(UInt32.self) else { throw Self.truncated }
        guard version <= BackupFormat.version else {
            throw BackupError(
                .newer,
                "the backup has format \(version) and this version of the program reads up to \(BackupFormat.version); "
                    + "use the version of the program that wrote it")
        }
        guard version > 0 else { throw BackupError.damaged("there is no format 0") }
        whole.update(data: beginning)
    }

    private mutating func readRecord() throws -> (BackupFormat.Kind, [UInt8]) {
        let front = try exactly(5)
        var cursor = ByteCursor(front)
        guard let number = cursor.number(UInt8.self), let length = cursor.number(UInt32.self) else {
            throw Self.truncated
        }
        guard let kind = BackupFormat.Kind(rawValue: number), length <= BackupFormat.longestPayload else {
            throw BackupError.damaged("a record has a kind or length that there is not")
        }
        let payload = try exactly(Int(length))
        let checksum = try exactly(32)
        var hash = SHA256()
        hash.update(data: front)
        hash.update(data: payload)
        guard Array(hash.finalize()) == checksum else { throw BackupError.damaged("a checksum is wrong") }
        whole.update(data: front)
        whole.update(data: payload)
        whole.update(data: checksum)
        return (kind, payload)
    }

    private func exactly(_ count: Int) throws -> [UInt8] {
        let bytes = try read(count)
        guard bytes.count == count else { throw Self.truncated }
        return bytes
    }

    private mutating func table(_ payload: [UInt8]) throws -> Item {
        var cursor = ByteCursor(payload)
        var words: [String] = []
        while !cursor.isAtEnd, words.count <= BackupFormat.mostTables {
            guard case .text(let word)? = cursor.value() else { throw Self.malformed(.table) }
            words.append(word)
        }
        let isSound = cursor.isAtEnd && words.count > 1 && words.allSatisfy { (1...64).contains($0.utf8.count) }
        guard isSound, Set(words.dropFirst()).count == words.count - 1, let name = words.first,
            names.insert(name).inserted, names.count <= BackupFormat.mostTables
        else { throw Self.malformed(.table) }
        columns = words.count - 1
        return .table(name: name, columns: Array(words.dropFirst()))
    }

    private mutating func rows(_ payload: [UInt8]) throws -> [ContentRow] {
        var cursor = ByteCursor(payload)
        guard let count = cursor.number(UInt32.self), count <= ContentPage.mostRows else { throw Self.malformed(.rows) }
        var rows: [ContentRow] = []
        for _ in 0..<count {
            guard let row = ContentRow(from: &cursor, columns: columns) else { throw Self.malformed(.rows) }
            rows.append(row)
        }
        guard cursor.isAtEnd else { throw Self.malformed(.rows) }
        rowCount += rows.count
        return rows
    }

    private func checkEnd(_ payload: [UInt8], before: SHA256) throws -> Int {
        var cursor = ByteCursor(payload)
        guard let count = cursor.number(UInt64.self), let digest = cursor.bytes(32), cursor.isAtEnd else {
            throw Self.malformed(.end)
        }
        guard count == UInt64(rowCount), digest == Array(before.finalize()) else {
            throw BackupError.damaged("the checksum over all is wrong")
        }
        return rowCount
    }

    private static var truncated: BackupError {
        BackupError(.truncated, "the backup ends too early: it was not copied whole; take another copy of it")
    }

    private static func malformed(_ kind: BackupFormat.Kind) -> BackupError {
        BackupError.damaged("a record (kind \(kind.rawValue)) has not the form that it must have")
    }
}
