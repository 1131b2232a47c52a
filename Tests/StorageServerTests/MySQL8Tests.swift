import ClusterCore
import StorageMySQL
import StorageSQL
import Testing

/// What MySQL 8 does otherwise than MariaDB, as its documentation says it.
@Suite("MySQL 8, as documented")
struct MySQL8Tests {
    private func connect(
        _ server: ScriptedMySQLServer, password: String = "s3cret%20%C3%BC"
    ) throws
        -> any SQLConnection
    {
        let url = "mysql://tester:\(password)@127.0.0.1:\(server.port)/kit?ssl-mode=disabled"
        let address = try #require(try MySQLAddress(url: url))
        return try MySQLBackend.connect(address, options: MySQLOptions(authenticator: TestKey.authenticator))
    }

    private func failure(_ body: () throws -> Void) -> StorageError? {
        do {
            try body()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    @Test(
        "its way to check passwords works, with the server's key and without",
        arguments: ScriptedMySQLServer.Login.allCases)
    func login(_ login: ScriptedMySQLServer.Login) async throws {
        let server = try ScriptedMySQLServer(login: login, password: "s3cret ü")
        defer { server.close() }
        try await onBlockingThread("login") {
            let connection = try connect(server)
            #expect(connection.dialect.name == "MySQL")
            connection.close()
            let wrong = failure { try connect(server, password: "other").close() }
            #expect(wrong?.code == .permission)
        }
    }

    @Test("a session is strict and bounded, and asks for nothing that only MariaDB has")
    func session() async throws {
        let server = try ScriptedMySQLServer(login: .remembered, password: "s3cret ü")
        defer { server.close() }
        try await onBlockingThread("session") {
            let connection = try connect(server)
            defer { connection.close() }
            try connection.begin(.write)
            try connection.execute("INSERT")
            try connection.commit()
        }
        let told = server.statements
        #expect(told.contains { $0.contains("STRICT_ALL_TABLES") && $0.contains("time_zone = '+00:00'") })
        #expect(told.contains("SET SESSION max_execution_time = 10000"))
        #expect(told.contains("SET SESSION group_replication_consistency = 'BEFORE'"))
        #expect(!told.contains { $0.contains("wsrep") || $0.contains("max_statement_time") })
        #expect(
            told.suffix(4) == [
                "SET SESSION autocommit = 0", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE",
                "INSERT", "COMMIT",
            ])
    }

    private static let failures: [(UInt16, StorageError.Code, isLost: Bool)] = [
        (3819, .invalid, false), (3572, .busy, false), (1205, .busy, false), (3024, .timeout, false),
        (1290, .readOnly, true), (1836, .readOnly, true), (4031, .connectionLost, true), (3169, .connectionLost, true),
        (1053, .connectionLost, true), (1213, .conflict, false), (1180, .conflict, false), (3101, .conflict, false),
        (1412, .conflict, false), (1114, .outOfSpace, false), (1142, .permission, false), (1461, .busy, false),
        (1146, .corrupt, false), (3098, .failed, false),
    ]

    @Test("its error numbers are told as the errors of all backends, without the server's words")
    func numbers() async throws {
        let server = try ScriptedMySQLServer(login: .remembered, password: "s3cret ü")
        defer { server.close() }
        try await onBlockingThread("numbers") {
            for (number, code, isLost) in Self.failures {
                let connection = try connect(server)
                defer { connection.close() }
                let error = failure { try connection.execute("FAIL \(number) of 's3cret'") }
                #expect(error?.code == code, "\(number)")
                #expect(error.map { "\($0)" }?.contains("s3cret") == false)
                #expect(connection.isUsable == !isLost, "\(number)")
            }
            let connection = try connect(server)
            defer { connection.close() }
            let key = failure { try connection.execute("FAIL 1062 Entry 's3cret' for key 'users.users_name'") }
            #expect(key?.code == .constraint("users_name"))
        }
    }

    private static let outcomes: [(UInt16, StorageError.Code)] = [
        (1213, .conflict), (3101, .conflict), (1290, .readOnly), (3100, .commitUnknown), (1180, .commitUnknown),
        (1026, .commitUnknown),
    ]

    @Test(
        "a commit that failed is a conflict when the server says that it rolled back, and unknown otherwise",
        arguments: outcomes)
    func commits(number: UInt16, code: StorageError.Code) async throws {
        let server = try ScriptedMySQLServer(login: .remembered, password: "s3cret ü")
        defer { server.close() }
        try await onBlockingThread("commit") {
            let connection = try connect(server)
            defer { connection.close() }
            try connection.begin(.write)
            try connection.execute("INSERT")
            server.failCommit(number, "words")
            #expect(failure { try connection.commit() }?.code == code)
            connection.rollback()
            #expect(connection.isUsable == (code == .conflict))
        }
    }
}
