/// The tables, and the steps that lead to them. Steps that were released are never changed, only added to.
package enum Schema {
    /// Every step, in order.
    package static let steps: [Migration] = [
        Migration(
            number: 1, name: "cluster, accounts, certificates, nodes, sessions, audit log",
            creating: configuration + nodes + sessions,
            then: [
                ("DELETE FROM counters WHERE name = ?", [.text("node-subnets")]),
                ("INSERT INTO counters (name, value) VALUES (?, ?)", [.text("node-subnets"), .integer(0)]),
            ]),
        Migration(number: 2, name: "state of the store, schemas that nodes can read") { connection in
            let dialect = connection.dialect
            for statement in dialect.creating(state) { try connection.execute(statement) }
            if try connection.rows("SELECT id FROM store_state").isEmpty {
                try connection.execute(
                    "INSERT INTO store_state (id, phase, since, mac) VALUES (?, ?, ?, ?)",
                    [.integer(1), .text("ready"), .integer(0), .blob([])])
            }
            try add(.init("touched", .integer, optional: true), to: "revision", on: connection)
            try add(.init("touched", .integer, optional: true), to: "nodes", on: connection)
            try add(.init("newest_schema", .integer, optional: true), to: "nodes", on: connection)
        },
    ]

    /// Adds a column. Where the schema is not transactional, an earlier run may have added it already.
    private static func add(
        _ column: SQLTable.Column, to table: String, on connection: any SQLConnection
    ) throws {
        let isThere =
            !connection.dialect.hasTransactionalSchema
            && (try? connection.rows("SELECT \(column.name) FROM \(table) LIMIT 1")) != nil
        if !isThere { try connection.execute(connection.dialect.adding(column, to: table)) }
    }

    /// Whether the store takes writes: one row.
    private static let state = SQLTable(
        "store_state",
        [
            .init("id", .integer), .init("phase", .text(16)), .init("target", .text(1024), optional: true),
            .init("since", .integer), mac,
        ], primaryKey: ["id"])

    /// The steps that were run.
    static let journal = SQLTable(
        "schema_steps",
        [.init("number", .integer), .init("name", .text(255)), .init("applied_at", .integer)],
        primaryKey: ["number"])

    private static let id = SQLTable.Column("id", .bytes(16))
    private static let mac = SQLTable.Column("mac", .bytes(128))
    private static let value = 1 << 20

    private static let configuration: [SQLTable] = [
        SQLTable(
            "cluster",
            [.init("id", .integer), .init("cluster_id", .bytes(16)), .init("created_at", .integer), mac],
            primaryKey: ["id"]),
        SQLTable(
            "revision",
            [
                .init("id", .integer), .init("lineage", .bytes(16)), .init("number", .integer),
                .init("change_id", .bytes(16)),
            ], primaryKey: ["id"]),
        SQLTable("settings", [.init("name", .text(64)), .init("value", .text(16_384)), mac], primaryKey: ["name"]),
        SQLTable(
            "secrets",
            [id, .init("purpose", .text(64)), .init("value", .bytes(value)), .init("created_at", .integer), mac],
            primaryKey: ["id"]),
        SQLTable(
            "users",
            [
                id, .init("name", .text(255)), .init("enabled", .integer), .init("admin", .integer),
                .init("auto_login", .integer), .init("password_verifier", .bytes(value), optional: true),
                .init("tokens_valid_from", .integer), .init("created_at", .integer), .init("version", .integer), mac,
            ], primaryKey: ["id"], uniqueKeys: [["name"]]),
        SQLTable(
            "certificates",
            [
                .init("serial", .bytes(20)), .init("kind", .text(16)), .init("common_name", .text(255)),
                .init("user_id", .bytes(16), optional: true), .init("profile", .text(16), optional: true),
                .init("not_before", .integer), .init("not_after", .integer), .init("der", .bytes(65_536)),
                .init("private_key", .bytes(value), optional: true), .init("issued_at", .integer),
                .init("revoked_at", .integer, optional: true),
                .init("revocation_reason", .text(32), optional: true), .init("version", .integer), mac,
            ], primaryKey: ["serial"], indexes: [["user_id"], ["kind"]]),
        SQLTable(
            "token_refusals",
            [
                .init("token_session", .bytes(12)), .init("user_id", .bytes(16), optional: true),
                .init("refused_at", .integer), .init("expires_at", .integer), mac,
            ], primaryKey: ["token_session"], indexes: [["expires_at"]]),
        SQLTable(
            "login_failures",
            [
                .init("user_id", .bytes(16)), .init("failures", .integer), .init("first_at", .integer),
                .init("last_at", .integer), .init("locked_until", .integer, optional: true),
                .init("version", .integer),
            ], primaryKey: ["user_id"]),
        SQLTable(
            "audit_log",
            [
                .init("revision", .integer), .init("position", .integer), .init("change_id", .bytes(16)),
                .init("at", .integer), .init("actor_kind", .text(16)), .init("actor_name", .text(255)),
                .init("action", .text(64)), .init("entity_kind", .text(64)), .init("entity_id", .text(255)),
                .init("detail", .text(1000)),
            ], primaryKey: ["revision", "position"], indexes: [["at"]]),
    ]

    private static let nodes: [SQLTable] = [
        SQLTable(
            "nodes",
            [
                id, .init("name", .text(63)), .init("live_name", .text(63), optional: true),
                .init("hostname", .text(255)), .init("software_version", .text(64)), .init("state", .text(16)),
                .init("epoch", .integer), .init("generation", .integer), .init("created_at", .integer),
                .init("started_at", .integer), .init("last_seen_at", .integer),
            ], primaryKey: ["id"], uniqueKeys: [["live_name"]]),
        SQLTable(
            "node_subnets", [.init("prefix", .text(64)), .init("node_id", .bytes(16))], primaryKey: ["prefix"],
            indexes: [["node_id"]]),
        SQLTable("counters", [.init("name", .text(64)), .init("value", .integer)], primaryKey: ["name"]),
        SQLTable(
            "commit_markers", [id, .init("attempt", .integer), .init("at", .integer)], primaryKey: ["id"],
            indexes: [["at"]]),
    ]

    private static let sessionColumns: [SQLTable.Column] = [
        id, .init("token_session", .bytes(12)), .init("user_id", .bytes(16)), .init("user_name", .text(255)),
        .init("certificate", .bytes(20), optional: true), .init("node_id", .bytes(16)),
        .init("node_epoch", .integer), .init("remote_address", .text(64)),
        .init("ipv4", .bytes(4), optional: true), .init("ipv6", .bytes(16), optional: true),
        .init("cipher", .text(64)), .init("client_version", .text(64)), .init("client_platform", .text(64)),
        .init("connected_at", .integer), .init("updated_at", .integer), .init("bytes_received", .integer),
        .init("bytes_sent", .integer),
    ]

    private static let sessions: [SQLTable] = [
        SQLTable(
            "sessions", sessionColumns, primaryKey: ["id"], uniqueKeys: [["ipv4"], ["ipv6"]],
            indexes: [["user_id"], ["token_session"], ["node_id"]]),
        SQLTable(
            "connection_log", sessionColumns + [.init("ended_at", .integer), .init("reason", .text(64))],
            primaryKey: ["id"], indexes: [["ended_at", "id"], ["user_id", "ended_at", "id"]]),
        SQLTable(
            "address_memory",
            [
                .init("node_id", .bytes(16)), .init("user_id", .bytes(16)), .init("certificate", .bytes(20)),
                .init("ipv4", .bytes(4), optional: true), .init("ipv6", .bytes(16), optional: true),
                .init("used_at", .integer),
            ], primaryKey: ["node_id", "user_id", "certificate"], indexes: [["node_id", "used_at"]]),
    ]

    /// Every table that the steps make.
    package static let tables = configuration + nodes + sessions + [state]
}
