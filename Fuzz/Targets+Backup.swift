import ClusterCore
import Crypto
import ProtocolTestKit

extension Targets {
    /// Backup files, whose checksums are right whatever is changed: else nothing behind them would be reached.
    static let backups: [Target] = [
        Target(name: "backup", samples: [sampleRecords]) { input in
            let file = backupFile(ofRecords: input)
            guard let first = try items(file) else { return false }
            let written = encoded(first)
            guard let again = try items(written) else { throw Violation("what was written is not accepted") }
            guard again.count == first.count else { throw Violation("what was written reads differently") }
            guard encoded(again) == written else { throw Violation("what was written is written differently") }
            return true
        }
    ]

    /// The records of a small backup, without their checksums.
    private static let sampleRecords: [UInt8] = {
        var random = SeededGenerator(seed: 3)
        guard let key = try? ClusterKey(bytes: random.bytes(32)), let cost = ScryptCost(logN: 10) else { return [] }
        let revision = Revision(lineage: LineageID(using: &random), number: 7, change: ChangeID(using: &random))
        let header = BackupHeader(
            cluster: ClusterID(using: &random), revision: revision, createdAt: .epoch, software: "1", keyID: key.id,
            nodeSettings: "name: n1\n")
        let table = ContentTable(
            "users", [.init("id", .bytes(16)), .init("name", .text(255)), .init("at", .integer, optional: true)],
            key: ["id"])
        let rows = (0..<3).map { number in
            ContentRow([.bytes(random.bytes(16)), .text("user \(number)"), number == 1 ? .null : .integer(-1)])
        }
        var encoder = BackupEncoder()
        var parts = [encoder.header(header)]
        if let envelope = try? KeyEnvelope(key, passphrase: "p", header: header, cost: cost, using: &random) {
            parts.append(encoder.key(envelope))
        }
        parts += [encoder.table(table), encoder.rows(rows), encoder.end()]
        parts[0].removeFirst(12)
        return parts.flatMap { $0.dropLast(32) }
    }()

    /// A whole file: the bytes are taken as records (kind, length, payload), the last one as long as it is.
    private static func backupFile(ofRecords bytes: [UInt8]) -> [UInt8] {
        var file = Array("asnodeBK".utf8) + [0, 0, 0, 1]
        var rest = bytes[...]
        while rest.count >= 5 {
            let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
            var record = Array(rest.prefix(5 + length))
            rest = rest.dropFirst(record.count)
            if record[0] == 5, record.count == 45 {
                record.replaceSubrange(13..<45, with: Array(SHA256.hash(data: file)))
            }
            file += record + Array(SHA256.hash(data: record))
        }
        return file
    }

    private static func items(_ file: [UInt8]) throws -> [BackupDecoder.Item]? {
        var rest = file[...]
        var decoder = BackupDecoder { count in
            guard count <= 8 << 20 else { throw Violation("\(count) bytes are asked for at once") }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        var items: [BackupDecoder.Item] = []
        do {
            while let item = try decoder.next() { items.append(item) }
            return items
        } catch is BackupError {
            return nil
        }
    }

    private static func encoded(_ items: [BackupDecoder.Item]) -> [UInt8] {
        var encoder = BackupEncoder()
        return items.flatMap { item in
            switch item {
            case .header(let header): encoder.header(header)
            case .key(let envelope): encoder.key(envelope)
            case .table(let name, let columns):
                encoder.table(ContentTable(name, columns.map { .init($0, .integer) }, key: []))
            case .rows(let rows): encoder.rows(rows)
            case .end: encoder.end()
            }
        }
    }
}
