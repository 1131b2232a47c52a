import ClusterCore
import StorageBackends
import Testing

@Suite("A database by its URL")
struct DatabaseURLTests {
    @Test(
        "a URL of any sort is told by its scheme, and described without password and options",
        arguments: [
            ("sqlite:///var/lib/a%20b.db", DatabaseURL.Family.sqlite, "sqlite:///var/lib/a%20b.db"),
            ("mysql://u:s3cret@h/d?connect-timeout=3", .mysql, "mysql://u@h:3306/d"),
            ("mariadb://u:s3cret@h:1,[::1]/d", .mysql, "mysql://u@h:1,[::1]:3306/d"),
            ("postgres://u:s3cret@h:5433/d?connect_timeout=3", .postgres, "postgres://u@h:5433/d"),
            ("postgresql://u:s3cret@h/d", .postgres, "postgres://u@h/d"),
        ])
    func families(text: String, family: DatabaseURL.Family, description: String) throws {
        let url = try DatabaseURL(text)
        #expect(url.family == family)
        #expect(url.text == text)
        var dumped = ""
        dump(url, to: &dumped)
        #expect("\(url)" == description)
        #expect(url.debugDescription == description)
        #expect(!dumped.contains("s3cret"))
    }

    @Test(
        "what is no URL of a database is refused, without its password",
        arguments: [
            "", "/var/lib/file", "sqlite:file", "sqlite:///", "http://u:s3cret@h/d", "MYSQL://u:s3cret@h/d",
            "mysql:u:s3cret@h/d", "postgres:/u:s3cret@h/d", "mysql://u:s3cret@h", "postgres://u:s3cret@h",
            "mysql://u:s3cret@h/" + String(repeating: "d", count: 9000),
        ])
    func refused(text: String) async throws {
        let error = try #require(await failure { _ = try DatabaseURL(text) })
        #expect(error.code == .invalid)
        #expect(!"\(error)".contains("s3cret"))
        #expect(!"\(error)".contains("\n"))
    }

    @Test("the URL of a file names that file", arguments: ["/a/b.db", "/a b/ü%?#.db"])
    func file(path: String) throws {
        let url = DatabaseURL(file: path)
        #expect(url.filePath == path)
        #expect(try DatabaseURL(url.text) == url)
    }
}
