import ClusterCore
import StorageMySQL
import StoragePostgres
import StorageSQL
import Testing

@Suite("Database URLs")
struct URLTests {
    @Test("a MySQL URL is taken apart, with what it leaves out")
    func mysql() throws {
        let address = try #require(
            try MySQLAddress(
                url:
                    "mysql://al%40ice:p%3Aw@db1.example.com:3307,[2001:db8::1],db3/vpn?ssl-ca=/ca.pem&connect-timeout=7"
            ))
        #expect(address.user == "al@ice")
        #expect(address.database == "vpn")
        #expect(address.hosts.map(\.description) == ["db1.example.com:3307", "[2001:db8::1]:3306", "db3:3306"])
        #expect(address.tls == .verifyIdentity)
        #expect(address.connectTimeout == .seconds(7))
        #expect(try MySQLAddress(url: "mariadb://u@localhost/d")?.tls == .preferred)
        #expect(try MySQLAddress(url: "mariadb://u@127.0.0.1/d?ssl-mode=VERIFY_CA")?.tls == .verifyCA)
        #expect(try MySQLAddress(url: "postgres://u@h/d") == nil)
        #expect(try MySQLAddress(url: "sqlite:///f") == nil)
    }

    @Test(
        "a MySQL URL that cannot be read is refused, without its password",
        arguments: [
            "mysql://", "mysql:///d", "mysql://u:s3cret@/d", "mysql://u:s3cret@h", "mysql://u:s3cret@h/",
            "mysql://u:s3cret@h:0/d", "mysql://u:s3cret@h:99999/d", "mysql://u:s3cret%@h/d", "mysql://:s3cret@h/d",
            "mysql://u:s3cret@h/d?no-such=1", "mysql://u:s3cret@h/d?ssl-mode=maybe", "mysql://u:s3cret@[::1/d",
            "mysql://u:s3cret@h/d?connect-timeout=0", "mysql://u:s3cret@h/d?password-file=/f",
            "mysql://u:s3cret@h/d?ssl-cert=/c", "mysql://u:s3cret@h,,i/d", "mysql://u:s3cret@h/a/b",
            "mysql://u:s3cret@h/d?hosts=ordered&hosts=random", "mysql://u:s3cret@h/d?socket=/s",
        ])
    func badMySQL(url: String) async throws {
        let error = try #require(await failure { _ = try MySQLAddress(url: url) })
        #expect(error.code == .invalid)
        #expect(!"\(error)".contains("s3cret"))
    }

    @Test("a PostgreSQL URL is what libpq takes, with safe defaults")
    func postgres() throws {
        let remote = try #require(
            try PostgresAddress(url: "postgres://u:s3cret@db1.example.com,db2.example.com:5433/vpn?sslrootcert=/ca.pem")
        )
        #expect(remote.parameters["sslmode"] == "verify-full")
        #expect(remote.parameters["sslrootcert"] == "/ca.pem")
        #expect(remote.parameters["target_session_attrs"] == "read-write")
        #expect(remote.preparesStatements)
        let local = try #require(try PostgresAddress(url: "postgresql://u@127.0.0.1/d?prepared-statements=off&user=v"))
        #expect(local.parameters["sslmode"] == "prefer")
        #expect(local.parameters["user"] == "v")
        #expect(local.parameters["target_session_attrs"] == "primary")
        #expect(!local.preparesStatements)
        #expect(try PostgresAddress(url: "postgres://u@127.0.0.1,10.0.0.1/d")?.parameters["sslmode"] == "verify-full")
        #expect(try PostgresAddress(url: "postgres://u@h/d?sslmode=require")?.parameters["sslmode"] == "require")
        #expect(try PostgresAddress(url: "mysql://u@h/d") == nil)
    }

    @Test(
        "a PostgreSQL URL that cannot be read is refused, without its password",
        arguments: [
            "postgres://u:s3cret@h", "postgres://u:s3cret@h/d?no_such=1", "postgres://u:s3cret@[::1/d",
            "postgres://u:s3cret%zz@h/d", "postgres://u:s3cret@h/d?prepared-statements=maybe",
        ])
    func badPostgres(url: String) async throws {
        let error = try #require(await failure { _ = try PostgresAddress(url: url) })
        #expect(error.code == .invalid)
        #expect(!"\(error)".contains("s3cret"))
    }

    @Test("an address never shows its password")
    func noPassword() throws {
        let mysql = try #require(try MySQLAddress(url: "mysql://u:s3cret@h:3307/d"))
        let postgres = try #require(try PostgresAddress(url: "postgres://u:s3cret@[::1]:5433,h2/d"))
        var dumped = ""
        dump(mysql, to: &dumped)
        dump(postgres, to: &dumped)
        #expect(mysql.description == "mysql://u@h:3307/d")
        #expect(postgres.description == "postgres://u@[::1]:5433,h2/d")
        #expect(
            !(dumped + "\(mysql)\(postgres)" + String(reflecting: mysql) + String(reflecting: postgres)).contains(
                "s3cret"))
    }
}
