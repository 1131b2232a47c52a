internal import ClusterCore
internal import StorageSQL

/// A connection whose tables have another prefix than the `kit_` that the cases write.
final class RenamingConnection: ForwardingConnection {
    static let prefix = "kit_"
    private let prefix: String

    init(_ base: any SQLConnection, prefix: String) {
        self.prefix = prefix
        super.init(base)
    }

    override func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        try translating { try base.execute(renamed(statement), values) }
    }

    override func query(
        _ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void
    ) throws {
        try translating { try base.query(renamed(statement), values, body) }
    }

    private func renamed(_ statement: String) -> String { statement.replacing(Self.prefix, with: prefix) }

    /// Rules that are violated are told by names with the cases' own prefix.
    private func translating<T>(_ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch var error as StorageError {
            if let name = error.code.constraintName {
                error.code = .constraint(name.replacing(prefix, with: Self.prefix))
            }
            throw error
        }
    }
}
