internal import StorageSQL

/// A statement as a connection knows it.
final class PostgresStatement {
    /// The text with numbered placeholders.
    let text: String
    /// How many there are.
    let count: Int
    /// Under which name it is prepared on the server, if it is.
    private(set) var name: String?
    /// The types that it was prepared for; `unknown` where only NULL was bound so far.
    private(set) var types: [UInt32]
    fileprivate var lastUse: UInt64 = 0

    fileprivate init(_ statement: String) {
        (text, count) = PostgresDialect().numbered(statement)
        types = [UInt32](repeating: PostgresType.unknown, count: count)
    }

    /// Whether values of these types can be bound to it as it is prepared. NULL can be bound to any type.
    func takes(_ wanted: [UInt32]) -> Bool {
        guard name != nil else { return false }
        for (index, type) in wanted.enumerated() where type != PostgresType.unknown && type != types[index] {
            return false
        }
        return true
    }

    /// Notes that it gets prepared, for these types, and for those known before where NULL is bound.
    ///
    /// - Returns: The name that it had until now.
    func prepare(as name: String, for wanted: [UInt32]) -> String? {
        for (index, type) in wanted.enumerated() where type != PostgresType.unknown { types[index] = type }
        defer { self.name = name }
        return self.name
    }

    /// Notes that the server does not have it.
    func forget() { name = nil }
}

/// The statements that a connection ran last, at most so many.
struct PostgresStatements {
    private static let limit = 256

    private var known: [String: PostgresStatement] = [:]
    private var uses: UInt64 = 0
    private var names = 0
    /// Names that the server may forget.
    private var unneeded: [String] = []

    /// The statement of a text, in which each `?` stands for a value.
    mutating func statement(_ text: String) -> PostgresStatement {
        uses += 1
        let statement = known[text] ?? added(text)
        statement.lastUse = uses
        return statement
    }

    private mutating func added(_ text: String) -> PostgresStatement {
        if known.count >= Self.limit, let oldest = known.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            known[oldest.key] = nil
            if let name = oldest.value.name { unneeded.append(name) }
        }
        let statement = PostgresStatement(text)
        known[text] = statement
        return statement
    }

    /// Gives a statement a name under which it is to be prepared now.
    mutating func prepare(_ statement: PostgresStatement, for types: [UInt32]) -> String {
        names += 1
        let name = "s\(names)"
        if let former = statement.prepare(as: name, for: types) { unneeded.append(former) }
        return name
    }

    /// The names that the server may forget, each told once.
    mutating func takeUnneeded() -> [String] {
        defer { unneeded = [] }
        return unneeded
    }
}
