import DatabaseServers
import Foundation
import StorageSQL
import Testing

@Suite("The servers that tests start", .serialized)
struct ServerTests {
    @Test("a server that was killed comes back with what was committed", arguments: Engine.allCases)
    func killed(_ engine: Engine) async throws {
        let database = try await TestDatabase.make(engine)
        try await onBlockingThread("killed") {
            let server = try Servers.server(engine)
            try server.run(sql: "CREATE TABLE kept (x INTEGER PRIMARY KEY)", in: database.name)
            try server.run(sql: "INSERT INTO kept VALUES (7)", in: database.name)
            server.process.kill()
            #expect(!server.process.isRunning)
            #expect(throws: ServerFailure.self) { try server.run(sql: "SELECT 1") }
            try server.start()
            #expect(try server.run(sql: "SELECT x FROM kept", in: database.name) == "7\n")
        }
    }

    @Test("a server that is paused answers nobody until it goes on", arguments: Engine.allCases)
    func paused(_ engine: Engine) async throws {
        try await onBlockingThread("paused") {
            let server = try Servers.server(engine)
            server.process.pause()
            #expect(throws: ServerFailure.self) { try server.run(sql: "SELECT 1") }
            server.process.resume()
            #expect(try server.run(sql: "SELECT 1") == "1\n")
        }
    }

    @Test("of three Galera servers one may be killed and returned; all have what was written")
    func galera() async throws {
        try await onBlockingThread("galera") {
            let cluster = try GaleraCluster()
            let servers = cluster.servers
            try servers[0].createDatabase("kit_galera")
            try servers[1].run(sql: "CREATE TABLE kept (x INTEGER PRIMARY KEY)", in: "kit_galera")
            servers[2].process.kill()
            try servers[0].waitUntil { try servers[0].isReady() }
            try servers[0].run(sql: "INSERT INTO kept VALUES (1)", in: "kit_galera")
            try servers[2].start()
            try servers[2].run(sql: "INSERT INTO kept VALUES (2)", in: "kit_galera")
            for server in servers {
                let rows = try server.run(
                    sql: "SET wsrep_sync_wait = 1; SELECT x FROM kept ORDER BY x", in: "kit_galera")
                #expect(rows == "1\n2\n")
            }
        }
    }
}
