import ClusterCore
import ClusterOperations
import DatabaseServers
import Foundation
import StorageSQLite

/// A cluster with many users that is copied from SQLite to a server as `asnode storage copy` does it, beside the server's own
/// command-line client that loads the same rows with statements of 1,000 rows each.
struct Copying: Codable {
    /// The server.
    var database: String
    /// How many users there are, and how many rows with all that comes along.
    var users: Int
    var rows: Int
    /// The medians, in seconds, and the median of the rounds' ratios. The copy makes the tables and compares checksums
    /// on both sides; the bulk load finds the tables there.
    var copySeconds: Double
    var bulkSeconds: Double
    var ratio: Double

    /// - Parameters:
    ///   - server: Where it is copied to, and `family` how its SQL is written.
    ///   - open: Opens a store in a database of that server.
    init(
        to server: some DatabaseServer, _ family: BulkFile.Family, effort: Effort,
        open: @escaping @Sendable (_ database: String) async throws -> any StorageBackend
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("asnode-copy-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let options = SQLiteOptions(authenticator: try Cluster.authenticator())
        let master = try await SQLiteBackend.open(
            directory.appendingPathComponent("store.sqlite").path, mode: .create, options: options)
        users = effort.copiedUsers
        try await Cluster.found(in: master)
        try await Cluster.add(users: users, to: master)
        let bulk = try await BulkFile(of: master, family, in: directory)
        rows = bulk.rows
        var copies: [Double] = []
        var bulks: [Double] = []
        for round in 0..<min(effort.rounds, 3) {
            let path = directory.appendingPathComponent("source\(round).sqlite").path
            try await master.copy(to: path)
            copies.append(
                try await Self.seconds {
                    let name = "kitcopy\(round)"
                    try server.createDatabase(name)
                    let copy = StoreCopy(
                        from: .init(name: "source") { _ in
                            try await SQLiteBackend.open(path, mode: .existing, options: options)
                        }, to: .init(name: name) { _ in try await open(name) }, node: nil,
                        actor: AuditActor(kind: .operator, name: "bench"))
                    _ = try await copy.run()
                })
            let name = "kitbulk\(round)"
            try server.createDatabase(name)
            let store = try await open(name)
            await store.close()
            bulks.append(try await Self.seconds { try server.run(sql: bulk.command, in: name) })
        }
        await master.close()
        database = family.rawValue
        copySeconds = copies.median
        bulkSeconds = bulks.median
        ratio = zip(copies, bulks).map { $0 / $1 }.median
    }

    private static func seconds(_ body: () async throws -> Void) async throws -> Double {
        let start = ContinuousClock.now
        try await body()
        return (ContinuousClock.now - start) / .seconds(1)
    }
}

/// The rows of a store as statements that a server's own client reads from a file.
struct BulkFile {
    /// How values are written.
    enum Family: String {
        case mariadb = "MariaDB"
        case postgres = "PostgreSQL"
    }

    private static let rowsPerStatement = 1000

    /// What tells the client to read the file.
    let command: String
    /// How many rows are in it.
    let rows: Int

    init(of store: some PortableStorage, _ family: Family, in directory: URL) async throws {
        let path = directory.appendingPathComponent("bulk.sql").path
        let tables = store.content
        rows = try await store.readContent { reader in
            guard FileManager.default.createFile(atPath: path, contents: nil),
                let file = FileHandle(forWritingAtPath: path)
            else {
                throw BareClients.Failure(description: "\(path) cannot be written")
            }
            var count = 0
            try file.write(contentsOf: Data("BEGIN;\n".utf8))
            for table in tables {
                let columns = table.columns.map(\.name).joined(separator: ", ")
                try reader.forEachPage(of: table) { page in
                    for start in stride(from: 0, to: page.rows.count, by: Self.rowsPerStatement) {
                        let part = page.rows[start..<min(start + Self.rowsPerStatement, page.rows.count)]
                        let rows = part.map { Self.text($0, family) }.joined(separator: ",\n")
                        try file.write(
                            contentsOf: Data("INSERT INTO \(table.name) (\(columns)) VALUES \(rows);\n".utf8))
                        count += part.count
                    }
                }
            }
            try file.write(contentsOf: Data("COMMIT;\n".utf8))
            try file.close()
            return count
        }
        command = family == .mariadb ? "SOURCE \(path)" : "\\i \(path)"
    }

    private static func text(_ row: ContentRow, _ family: Family) -> String {
        let values = row.values.map { value in
            switch value {
            case .null: "NULL"
            case .integer(let number): "\(number)"
            case .text(let text): quoted(text, family)
            case .bytes(let bytes): hexadecimal(bytes, family)
            }
        }
        return "(\(values.joined(separator: ", ")))"
    }

    private static func quoted(_ text: String, _ family: Family) -> String {
        let doubled = text.replacingOccurrences(of: "'", with: "''")
        return "'" + (family == .mariadb ? doubled.replacingOccurrences(of: "\\", with: "\\\\") : doubled) + "'"
    }

    private static func hexadecimal(_ bytes: [UInt8], _ family: Family) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
        return family == .mariadb ? "x'\(text)'" : "'\\x\(text)'"
    }
}
