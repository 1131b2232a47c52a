internal import ClusterCore
internal import StorageSQL

extension DriverConformance {
    private static let table = SQLTable(
        "kit_values",
        [
            .init("id", .integer), .init("number", .integer, optional: true),
            .init("word", .text(1000), optional: true),
            .init("bytes", .bytes(1 << 20), optional: true),
        ], primaryKey: ["id"])

    private static let insert = "INSERT INTO kit_values (id, number, word, bytes) VALUES (?, ?, ?, ?)"
    private static let select = "SELECT id, number, word, bytes FROM kit_values WHERE id = ?"

    static let values: [DriverCase] = [
        DriverCase("values: every value comes back as it was, in its type, and NULL as NULL") { driver in
            let bytes = (0...255).map { UInt8($0) }
            let rows: [[SQLValue]] = [
                [.integer(1), .null, .null, .null],
                [.integer(2), .integer(0), .text(""), .blob([])],
                [.integer(.min), .integer(.min), .text("a b "), .blob(bytes)],
                [.integer(.max), .integer(.max), .text("'\"\\;--%_?$1"), .blob([0])],
                [.integer(3), .integer(-1), .text("äöü ß 爱丽丝 🦊 e\u{301}"), .blob([0xff, 0xfe, 0x00])],
                [.integer(4), .integer(1_800_000_000_123_456), .text("true"), .blob(Array("text".utf8))],
            ]
            try driver.withTable(table) { connection in
                for row in rows { try connection.execute(insert, row) }
                for row in rows {
                    let read = try connection.rows(select, [row[0]])
                    try expect(read == [row], "a row of \(row) came back as \(read)")
                }
                let count = try connection.number("SELECT COUNT(*) FROM kit_values")
                try expect(count == Int64(rows.count), "COUNT is not a number, or not the right one")
            }
        },
        DriverCase("values: a value of a megabyte comes back as it was") { driver in
            let bytes = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            try driver.withTable(table) { connection in
                for id: Int64 in 1...3 {
                    try connection.execute(insert, [.integer(id), .null, .null, .blob(bytes)])
                }
                let rows = try connection.rows("SELECT bytes FROM kit_values ORDER BY id")
                try expect(rows == Array(repeating: [.blob(bytes)], count: 3), "it came back otherwise")
            }
        },
        DriverCase("values: text is compared and ordered byte for byte") { driver in
            let words = ["B", "a", "a ", "A", "ä", "a\u{308}", "aa", "", "🦊", "\u{ffff}", "Z"]
            try driver.withTable(table) { connection in
                for (index, word) in words.enumerated() {
                    try connection.execute(insert, [.integer(Int64(index)), .null, .text(word), .null])
                }
                for (index, word) in words.enumerated() {
                    let found = try connection.rows("SELECT id FROM kit_values WHERE word = ?", [.text(word)])
                    try expect(found == [[.integer(Int64(index))]], "looking for word \(index) found \(found.count)")
                }
                let ordered = try connection.rows("SELECT word FROM kit_values ORDER BY word")
                let expected = words.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                try expect(ordered == expected.map { [.text($0)] }, "the order is another one: \(ordered.count) rows")
            }
        },
        DriverCase("values: limits count bytes, and what is too long is refused and not cut") { driver in
            try driver.withTable(table) { connection in
                let longest = String(repeating: "ä", count: 500)
                try connection.execute(insert, [.integer(1), .null, .text(longest), .null])
                let error = try failure(of: "1,001 bytes of text") {
                    try connection.execute(insert, [.integer(2), .null, .text(longest + "a"), .null])
                }
                try expect(error.code == .invalid, "it failed with \(error.code)")
                try expect(!error.description.contains("ä"), "the error quotes the value")
                let bytes = try failure(of: "a blob beyond its limit") {
                    let blob = [UInt8](repeating: 1, count: 1 << 20 + 1)
                    try connection.execute(insert, [.integer(3), .null, .null, .blob(blob)])
                }
                try expect(bytes.code == .invalid, "a blob beyond its limit failed with \(bytes.code)")
            }
        },
        DriverCase("values: the database's time is a time of our days, in microseconds, and goes on") { driver in
            let connection = try driver.open()
            defer { connection.close() }
            let first = try connection.serverTime()
            try expect(first > Timestamp(seconds: 1_700_000_000), "\(first) is long ago")
            try expect(first < Timestamp(seconds: 10_000_000_000), "\(first) is far away")
            let later = try connection.serverTime()
            try expect(
                later >= first && later.elapsed(since: first) < .seconds(60), "\(first) was followed by \(later)")
        },
    ]
}
