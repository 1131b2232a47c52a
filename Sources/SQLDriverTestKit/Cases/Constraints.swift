internal import ClusterCore
internal import StorageSQL

extension DriverConformance {
    private static let table = SQLTable(
        "kit_rules",
        [
            .init("kind", .integer), .init("id", .bytes(16)), .init("name", .text(255)),
            .init("address", .bytes(16), optional: true),
        ], primaryKey: ["kind", "id"], uniqueKeys: [["name"], ["address"]], indexes: [["kind"]])

    private static let insert = "INSERT INTO kit_rules (kind, id, name, address) VALUES (?, ?, ?, ?)"

    private static func row(_ id: UInt8, _ name: String, _ address: [UInt8]? = nil) -> [SQLValue] {
        [.integer(1), .blob([id]), .text(name), .blob(address)]
    }

    static let constraints: [DriverCase] = [
        DriverCase("constraints: a key that is violated is told by its columns or its index's name") { driver in
            try driver.withTable(table) { connection in
                try connection.execute(insert, row(1, "a", [1]))
                let clashes: [([SQLValue], Set<String>)] = [
                    (row(1, "b"), ["kit_rules.kind,kit_rules.id", "kit_rules_kind_id"]),
                    (row(2, "a"), ["kit_rules.name", "kit_rules_name"]),
                    (row(2, "b", [1]), ["kit_rules.address", "kit_rules_address"]),
                ]
                for (values, names) in clashes {
                    let error = try failure(of: "a second \(names)") { try connection.execute(insert, values) }
                    let name = error.code.constraintName ?? "nothing, but \(error.code)"
                    try expect(names.contains(name), "\(names) was told as \(name)")
                }
                let updated = try failure(of: "an update to a name that is taken") {
                    try connection.execute(insert, row(2, "b"))
                    try connection.execute("UPDATE kit_rules SET name = ? WHERE id = ?", [.text("a"), .blob([2])])
                }
                try expect(updated.code.constraintName?.hasSuffix("name") == true, "an update told \(updated.code)")
            }
        },
        DriverCase("constraints: a violation quotes no value, whatever is in it") { driver in
            try driver.withTable(table) { connection in
                let secret = "s3cret' for key 'kit' \"x\""
                try connection.execute(insert, row(1, secret))
                let error = try failure(of: "a second row of the same name") {
                    try connection.execute(insert, row(2, secret))
                }
                try expect(!"\(error)".contains("s3cret"), "the error quotes the value")
                let name = error.code.constraintName ?? ""
                try expect(["kit_rules.name", "kit_rules_name"].contains(name), "the key was told as \(name)")
            }
        },
        DriverCase("constraints: rows with NULL in a unique key do not collide") { driver in
            try driver.withTable(table) { connection in
                for id: UInt8 in 1...3 { try connection.execute(insert, row(id, "n\(id)", nil)) }
                try expect(try connection.number("SELECT COUNT(*) FROM kit_rules") == 3, "not all rows are there")
            }
        },
        DriverCase("constraints: NULL where there must be a value, and a value of another type, are refused") {
            driver in
            try driver.withTable(table) { connection in
                let bad: [[SQLValue]] = [
                    [.integer(1), .blob([1]), .null, .null], [.null, .blob([1]), .text("a"), .null],
                    [.text("one"), .blob([1]), .text("a"), .null],
                ]
                for values in bad {
                    let error = try failure(of: "a row of \(values)") { try connection.execute(insert, values) }
                    let isClassed = error.code == .invalid || error.code == .failed
                    try expect(isClassed, "a row of \(values) failed with \(error.code)")
                }
                try expect(try connection.number("SELECT COUNT(*) FROM kit_rules") == 0, "a bad row is there")
            }
        },
        DriverCase("constraints: a table is made only once, however often it is asked for") { driver in
            try driver.withTable(table) { connection in
                try connection.execute(insert, row(1, "a"))
                for statement in connection.dialect.creating(table) { try connection.execute(statement) }
                try expect(try connection.number("SELECT COUNT(*) FROM kit_rules") == 1, "the row is gone")
            }
        },
    ]
}
