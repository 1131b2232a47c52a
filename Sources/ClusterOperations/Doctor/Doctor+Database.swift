public import ClusterCore

extension Doctor {
    /// What a look at the database tells, before its content is read.
    ///
    /// - Parameter facts: What was seen, or why nothing was.
    public func examineDatabase(_ facts: Result<DatabaseFacts, OperationError>) -> [Finding] {
        switch facts {
        case .failure(let error):
            return [.fail("database-server", error.message, advice: "see the message; nothing was changed")]
        case .success(let facts):
            return [
                serverFinding(facts), protectionFinding(facts), schemaFinding(facts), rightsFinding(facts),
                storeClockFinding(facts),
            ]
        }
    }

    private func serverFinding(_ facts: DatabaseFacts) -> Finding {
        let check = "database-server"
        let several = facts.servers > 1 ? ", one of \(facts.servers) servers," : ""
        let words = "\(facts.product) \(facts.version)\(several) at \(facts.address)"
        guard facts.isSupported else {
            return .fail(
                check, "\(words) is too old",
                advice: "upgrade it to \(facts.product) \(facts.leastVersion) or later, or name another database")
        }
        guard facts.takesWrites else {
            return .fail(
                check, "\(words) takes no writes",
                advice: "name the server that does; a former primary stays read-only after a fail-over")
        }
        let answer = "\(words) answers in \(Self.milliseconds(facts.roundTrip)) ms"
        guard facts.roundTrip < Self.slowRoundTrip else {
            return .warn(check, answer, advice: "use a database nearer by: logins and changes need several round trips")
        }
        return .ok(check, answer)
    }

    private func protectionFinding(_ facts: DatabaseFacts) -> Finding {
        let check = "database-tls"
        switch facts.protection {
        case .local:
            return .ok(check, "the way to the database does not leave this machine")
        case .none:
            return .fail(
                check, "the way to the database is not encrypted: who listens there can read and change everything",
                advice: "ask for TLS in its URL: ssl-mode=verify_identity, on PostgreSQL sslmode=verify-full")
        case .encrypted(let version, .host):
            return .ok(check, "\(version), and the server proves to be the one that was named")
        case .encrypted(let version, .authority):
            return .warn(
                check, "\(version), but any server that the authority signed for is taken for the database",
                advice: "use ssl-mode=verify_identity, on PostgreSQL sslmode=verify-full")
        case .encrypted(let version, .nothing):
            return .warn(
                check, "\(version), but the server's certificate is not looked at: whoever answers is believed",
                advice: "use ssl-mode=verify_identity with ssl-ca, on PostgreSQL sslmode=verify-full with sslrootcert")
        }
    }

    private func schemaFinding(_ facts: DatabaseFacts) -> Finding {
        let check = "database-schema"
        guard let schema = facts.schema else {
            return .fail(check, "the database is empty", advice: "restore a backup, or name the right database")
        }
        guard schema == facts.wantedSchema else {
            return .fail(
                check, "the database has schema \(schema), and this version of the program needs \(facts.wantedSchema)",
                advice: "asnode --data \(directory.path) storage migrate")
        }
        return .ok(
            check, "the database has schema \(schema), as it should; transactions that write are \(facts.isolation)")
    }

    private func rightsFinding(_ facts: DatabaseFacts) -> Finding {
        let check = "database-privileges"
        guard facts.missingPrivileges.isEmpty else {
            let listed = facts.missingPrivileges.prefix(5).joined(separator: ", ")
            let more = facts.missingPrivileges.count > 5 ? " and \(facts.missingPrivileges.count - 5) more" : ""
            return .fail(
                check, "the database user may not \(listed)\(more)",
                advice: "grant SELECT, INSERT, UPDATE and DELETE on all tables of the database")
        }
        return .ok(check, "the database user may do what a running node does")
    }

    private func storeClockFinding(_ facts: DatabaseFacts) -> Finding {
        let check = "store-clock"
        let offset = facts.clockOffset
        let distance = offset < .zero ? .zero - offset : offset
        let side = offset < .zero ? "behind" : "ahead of"
        let words = "the database's clock is \(Self.milliseconds(distance)) ms \(side) the machine's"
        guard distance <= Self.toleratedClockDifference else {
            return .fail(check, words, advice: "set both clocks with a time service")
        }
        return .ok(check, words)
    }

    /// A time in milliseconds with two digits behind the point.
    private static func milliseconds(_ time: Duration) -> String {
        let count = time / .microseconds(10)
        guard count < 1e15 else { return "very many" }
        let hundredths = Int64(count)
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
