internal import ClusterCore
internal import StorageSQL

extension DriverConformance {
    private static let table = SQLTable(
        "kit_statements", [.init("id", .integer), .init("word", .text(64), optional: true)], primaryKey: ["id"])

    private static let insert = "INSERT INTO kit_statements (id, word) VALUES (?, ?)"

    private struct Stop: Error {}

    static let statements: [DriverCase] = [
        DriverCase("statements: one statement serves many times, with values and with NULL") { driver in
            try driver.withTable(table) { connection in
                for id: Int64 in 1...300 {
                    try connection.execute(insert, [.integer(id), id.isMultiple(of: 3) ? .null : .text("w\(id)")])
                }
                for id: Int64 in 1...300 {
                    let rows = try connection.rows("SELECT word FROM kit_statements WHERE id = ?", [.integer(id)])
                    let expected: SQLValue = id.isMultiple(of: 3) ? .null : .text("w\(id)")
                    try expect(rows == [[expected]], "row \(id) came back otherwise")
                }
            }
        },
        DriverCase("statements: a thousand different ones can be run on one connection") { driver in
            try driver.withTable(table) { connection in
                try connection.execute(insert, [.integer(1), .text("a")])
                for number in 1...1000 {
                    let statement = "SELECT id + \(number) FROM kit_statements WHERE id = ?"
                    let sum = try connection.number(statement, [.integer(1)])
                    try expect(sum == Int64(number + 1), "1 + \(number) gave \(sum ?? -1)")
                }
            }
        },
        DriverCase("statements: an error of the reader ends the statement, and the connection goes on") { driver in
            try driver.withTable(table) { connection in
                for id: Int64 in 1...100 { try connection.execute(insert, [.integer(id), .null]) }
                for _ in 0..<3 {
                    do {
                        try connection.query("SELECT id FROM kit_statements ORDER BY id", []) { row in
                            if row == [.integer(5)] { throw Stop() }
                        }
                        throw DriverCaseFailure("the error of the reader was lost")
                    } catch is Stop {}
                }
                try expect(try connection.number("SELECT COUNT(*) FROM kit_statements") == 100, "rows are missing")
            }
        },
        DriverCase("statements: too few and too many values are refused, and the connection goes on") { driver in
            try driver.withTable(table) { connection in
                for values: [SQLValue] in [[], [.integer(1)], [.integer(1), .null, .null]] {
                    let error = try failure(of: "a statement with \(values.count) values of 2") {
                        try connection.execute(insert, values)
                    }
                    try expect(error.code == .misuse, "\(values.count) values of 2 failed with \(error.code)")
                }
                try connection.execute(insert, [.integer(1), .null])
            }
        },
        DriverCase("statements: one that is wrong fails by itself, and the connection goes on") { driver in
            try driver.withTable(table) { connection in
                for statement in ["SELECT * FROM kit_no_such_table", "SELECT no_such FROM kit_statements", "NONSENSE"] {
                    let error = try failure(of: statement) { try connection.execute(statement) }
                    let codes: Set<StorageError.Code> = [.corrupt, .failed]
                    try expect(codes.contains(error.code), "\(statement) failed with \(error.code)")
                }
                try connection.execute(insert, [.integer(1), .null])
                try expect(connection.isUsable, "the connection counts as lost")
            }
        },
        DriverCase("statements: after a failed one nothing of its transaction is committed") { driver in
            try driver.withTable(table) { connection in
                try connection.begin(.write)
                try connection.execute(insert, [.integer(1), .null])
                _ = try failure(of: "a second row 1") { try connection.execute(insert, [.integer(1), .null]) }
                connection.rollback()
                try expect(try connection.number("SELECT COUNT(*) FROM kit_statements") == 0, "something was written")
            }
        },
        DriverCase("statements: one with five hundred values, and one of a hundred kilobytes, are run") { driver in
            try driver.withTable(table) { connection in
                for id: Int64 in 1...500 { try connection.execute(insert, [.integer(id), .null]) }
                let marks = [String](repeating: "?", count: 500).joined(separator: ", ")
                let many = try connection.number(
                    "SELECT COUNT(*) FROM kit_statements WHERE id IN (\(marks))", (1...500).map { .integer($0) })
                try expect(many == 500, "500 values found \(many ?? -1) rows")
                let long = (1...20_000).map { String($0) }.joined(separator: ", ")
                let found = try connection.number("SELECT COUNT(*) FROM kit_statements WHERE id IN (\(long))")
                try expect(found == 500, "a long statement found \(found ?? -1) rows")
            }
        },
        DriverCase("statements: a value of another type than ours comes as such, or is refused") { driver in
            try driver.withTable(table) { connection in
                try connection.execute(insert, [.integer(1), .text("12")])
                for expression in ["1.5", "word", "CAST(1.5 AS CHAR(3))", "NULL", "id * 1.5", "id = 1"] {
                    do {
                        let rows = try connection.rows("SELECT \(expression) FROM kit_statements")
                        try expect(rows.count == 1 && rows[0].count == 1, "\(expression) gave \(rows.count) rows")
                        let isNumber = if case .integer = rows[0][0] { true } else { false }
                        try expect(!isNumber || expression == "id = 1", "\(expression) came as a whole number")
                    } catch let error as StorageError {
                        try expect(error.code != .connectionLost, "\(expression) cost the connection")
                    }
                }
                try expect(try connection.number("SELECT id FROM kit_statements") == 1, "the connection does not go on")
            }
        },
    ]
}
