internal import ClusterCore

extension StorageConformance {
    private static let rows = 10_000

    private static func name(_ number: Int) -> String {
        let digits = String(number)
        return "user-" + String(repeating: "0", count: 5 - digits.count) + digits
    }

    static let paging: [ConformanceCase] = [
        ConformanceCase("paging: ten thousand users come in pages, each once and in order, while others change") {
            store in
            let backend = try await store.founded()
            for start in stride(from: 0, to: rows, by: 1000) {
                try await backend.change { change in
                    for number in start..<(start + 1000) {
                        try change.add(Sample.user(UInt64(number), name: name(number)))
                    }
                }
            }
            try expectEqual(try await backend.read { try $0.accounts.userCount() }, rows, "the number of users")
            var (position, names): (String?, [String]) = (nil, [])
            var pages = 0
            repeat {
                let page = try await backend.read { [position] in
                    try $0.accounts.users(after: position, limit: StorageLimits.pageRows)
                }
                try expect(page.rejected.isEmpty, "rows were rejected")
                names += page.rows.map(\.name)
                position = page.next
                // One that was read already goes, and one comes that sorts before all that is to be read.
                let gone: UserID = Sample.id(UInt64(pages))
                let added = Sample.user(UInt64(rows + pages), name: "a \(pages)")
                try await backend.change { change in
                    try change.removeUser(gone)
                    try change.add(added)
                }
                pages += 1
            } while position != nil
            try expectEqual(pages, 10, "the number of pages")
            try expectEqual(names, (0..<rows).map { name($0) }, "the names")
        },
        ConformanceCase("paging: pages of every list meet without a gap, and the last one says so") { store in
            let backend = try await store.founded()
            let numbers = (UInt64(1)...23).map { $0 }
            try await backend.write { writer in
                try writer.change(by: .kit) { change in
                    for number in numbers {
                        try change.add(Sample.certificate(number, user: Sample.id(1)))
                        try change.refuse(
                            TokenRefusal(
                                tokenSession: Sample.token(number), user: nil, refusedAt: .epoch,
                                expiresAt: Sample.time))
                    }
                }
                for number in numbers {
                    try writer.accounts.record(
                        LoginFailures(user: Sample.id(number), count: 1, firstAt: .epoch, lastAt: .epoch))
                }
                try writer.sessions.begin(numbers.map { Sample.session($0) })
            }
            for limit in [1, 5, 22, 23, 24, 1000] {
                try await backend.read { reader in
                    let certificates = try all { try reader.certificates.certificates(after: $0, limit: limit) }
                    let serials = numbers.map { Sample.serial($0) }
                    try expectEqual(
                        certificates.map(\.serial), serials.sorted { $0.bytes.precedes($1.bytes) }, "serials")
                    let refusals = try all { try reader.accounts.tokenRefusals(after: $0, limit: limit) }
                    let tokens = numbers.map { Sample.token($0) }
                    try expectEqual(
                        refusals.map(\.tokenSession), tokens.sorted { $0.bytes.precedes($1.bytes) }, "tokens")
                    let failures = try all { try reader.accounts.loginFailures(after: $0, limit: limit) }
                    try expectEqual(failures.map(\.user), numbers.map { Sample.id($0) }.sorted(), "failed logins")
                    let sessions = try all { try reader.sessions.sessions(after: $0, limit: limit) }
                    try expectEqual(sessions.map(\.id), numbers.map { Sample.id($0) }.sorted(), "sessions")
                    let audit = try all { try reader.config.auditEntries(before: $0, limit: limit) }
                    try expectEqual(audit.count, 47, "audit entries")
                    try expectEqual(audit.map(\.position), audit.map(\.position).sorted(by: >), "their order")
                }
            }
        },
    ]

    /// All pages of a list.
    private static func all<Row, Position>(_ page: (Position?) throws -> Page<Row, Position>) throws -> [Row] {
        var rows: [Row] = []
        var position: Position?
        for _ in 0..<1000 {
            let next = try page(position)
            rows += next.rows
            guard let after = next.next else { return rows }
            position = after
        }
        throw ConformanceFailure("the pages of a list have no end")
    }
}

extension [UInt8] {
    fileprivate func precedes(_ other: [UInt8]) -> Bool { lexicographicallyPrecedes(other) }
}
