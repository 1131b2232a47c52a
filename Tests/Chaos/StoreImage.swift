import ClusterCore
import StorageBackends
import StorageSQL

/// All that is in a store, as one read transaction sees it.
struct StoreImage: Equatable, Sendable {
    var revision: Int64 = 0
    var audit: [AuditEntry] = []
    var users: [User] = []
    var settings: [String: String] = [:]
    var live: [Session] = []
    var log: [ConnectionLogEntry] = []
    var nodes: [Node] = []
    var counters: [UserID: LoginFailures] = [:]
    /// How many rows cannot be used.
    var rejected = 0

    static func read(from url: String) async throws -> StoreImage {
        let store = try await DatabaseURL(url).open(.existing, options: .chaos(patience: .seconds(60)))
        do {
            let image = try await store.read { try StoreImage($0) }
            await store.close()
            return image
        } catch {
            await store.close()
            throw error
        }
    }

    private init(_ reader: any StorageReader) throws {
        revision = try reader.config.revision().number
        let size = StorageLimits.pageRows
        audit = try pages { try reader.config.auditEntries(before: $0, limit: size) }.reversed()
        users = try pages { try reader.accounts.users(after: $0, limit: size) }
        live = try pages { try reader.sessions.sessions(after: $0, limit: size) }
        log = try pages { try reader.sessions.connectionLog(of: nil, after: $0, limit: size) }
        for row in try pages({ try reader.accounts.loginFailures(after: $0, limit: size) }) { counters[row.user] = row }
        nodes = try reader.nodes.nodes()
        let stored = try reader.config.settings()
        settings = stored.value.stored
        rejected += stored.rejected.count
    }

    private mutating func pages<Row, Position>(_ page: (Position?) throws -> Page<Row, Position>) throws -> [Row] {
        var rows: [Row] = []
        var position: Position?
        repeat {
            let next = try page(position)
            rows += next.rows
            rejected += next.rejected.count
            position = next.next
        } while position != nil
        return rows
    }
}
