/// One step from a schema to the next.
///
/// A step can be run again after it was broken off at any point, since on some databases each statement that changes
/// the schema commits by itself.
public struct Migration: Sendable {
    /// Steps are numbered from 1 without gaps and run in that order.
    public let number: Int
    /// What it does, for a person.
    public let name: String
    private let body: @Sendable (any SQLConnection) throws -> Void

    /// - Parameters:
    ///   - number: Its place among all steps.
    ///   - name: What it does, for a person.
    ///   - body: Does it, on a connection with a transaction where the schema is transactional.
    public init(number: Int, name: String, _ body: @escaping @Sendable (any SQLConnection) throws -> Void) {
        self.number = number
        self.name = name
        self.body = body
    }

    /// A step that makes tables.
    init(number: Int, name: String, creating tables: [SQLTable], then statements: [(String, [SQLValue])] = []) {
        self.init(number: number, name: name) { connection in
            for table in tables {
                for statement in connection.dialect.creating(table) { try connection.execute(statement) }
            }
            for (statement, values) in statements { try connection.execute(statement, values) }
        }
    }

    /// Runs the step.
    func run(on connection: any SQLConnection) throws { try body(connection) }
}
