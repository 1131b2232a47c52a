import ClusterCore
import Foundation
import Glibc
import StorageSQLite
import Testing

@Suite("The file of a SQLite store", .serialized)
struct FileTests {
    private func mode(_ path: String) -> mode_t? {
        var facts = stat()
        return stat(path, &facts) == 0 ? facts.st_mode & 0o7777 : nil
    }

    @Test("the file, its log and its index are private, whatever the umask, and the directory too when it is made")
    func permissions() async throws {
        let store = try TestStore()
        let path = store.directory.file("a/b/cluster.db")
        let old = umask(0)
        defer { umask(old) }
        let backend = try await SQLiteBackend.open(path, mode: .create, options: store.options())
        try await backend.write { _ = try $0.nodes.nodes() }
        for file in [path, path + "-wal", path + "-shm"] { #expect(mode(file) == 0o600, "\(file)") }
        for directory in ["a", "a/b"] { #expect(mode(store.directory.file(directory)) == 0o700) }
        #expect(backend.notices.isEmpty)
        await backend.close()
    }

    @Test("a file that others can read is made private, with a notice")
    func repaired() async throws {
        let store = try TestStore()
        await (try store.openWithCluster()).close()
        chmod(store.path, 0o644)
        let backend = try await store.open(.existing)
        #expect(mode(store.path) == 0o600)
        #expect(backend.notices.count == 1)
        await backend.close()
    }

    @Test("a directory in which others can replace the file is refused, one that they can list gets a notice")
    func directory() async throws {
        let store = try TestStore()
        await (try store.openWithCluster()).close()
        chmod(store.directory.path, 0o777)
        #expect(await failureCode { try await store.open() } == .permission)
        chmod(store.directory.path, 0o755)
        let backend = try await store.open()
        #expect(backend.notices.count == 1)
        #expect(mode(store.directory.path) == 0o755, "a directory is never changed")
        await backend.close()
    }

    @Test("where there is no database, only create makes one", arguments: [SQLiteBackend.OpenMode.migrate, .existing])
    func missing(mode: SQLiteBackend.OpenMode) async throws {
        let store = try TestStore()
        #expect(await failureCode { try await store.open(mode) } == .notFound)
        #expect(store.directory.files.isEmpty)
        try Data().write(to: URL(fileURLWithPath: store.path))
        #expect(await failureCode { try await store.open(mode) } == .notFound)
        #expect(store.directory.files == ["cluster.db"])
    }

    @Test("what is not our database is refused and left as it is, byte for byte")
    func notOurs() async throws {
        let store = try TestStore()
        await (try store.openWithCluster()).close()
        let sound = try Data(contentsOf: URL(fileURLWithPath: store.path))
        var files: [(name: String, content: Data, code: StorageError.Code)] = [
            ("text", Data("hello\n".utf8), .corrupt),
            ("zeros", Data(count: 8192), .corrupt),
            ("header alone", Data("SQLite format 3\0".utf8), .corrupt),
            ("truncated", sound.prefix(sound.count / 2), .corrupt),
        ]
        var damaged = sound
        // Each page but the first is overwritten.
        for offset in 4096..<damaged.count { damaged[offset] = 0x5a }
        files.append(("damaged", damaged, .corrupt))
        for (name, content, code) in files {
            let path = store.directory.file("other.db")
            try content.write(to: URL(fileURLWithPath: path))
            chmod(path, 0o600)
            for mode in [SQLiteBackend.OpenMode.create, .migrate, .existing] {
                let found = await failureCode {
                    try await SQLiteBackend.open(path, mode: mode, options: store.options())
                }
                #expect(found == code, "\(name) \(mode)")
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == content, "\(name) was changed")
        }
    }

    @Test("a SQLite database of something else is refused and left as it is, in each journal mode")
    func foreign() async throws {
        for journal in ["DELETE", "WAL"] {
            let store = try TestStore()
            try store.tamper("PRAGMA journal_mode = \(journal)", "CREATE TABLE users (id INTEGER)")
            let before = try Data(contentsOf: URL(fileURLWithPath: store.path))
            chmod(store.path, 0o600)
            for mode in [SQLiteBackend.OpenMode.create, .migrate, .existing] {
                #expect(await failureCode { try await store.open(mode) } == .foreign)
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: store.path)) == before)
        }
    }

    @Test("a directory in place of the file is refused")
    func notAFile() async throws {
        let store = try TestStore()
        try FileManager.default.createDirectory(atPath: store.path, withIntermediateDirectories: false)
        #expect(await failureCode { try await store.open() } == .foreign)
    }

    @Test("a read-only disk is told at opening, and nothing is changed")
    func readOnlyDisk() async throws {
        let store = try TestStore()
        let disk = try Disk(at: store.directory.file("disk"), bytes: 4 << 20)
        defer { disk.detach() }
        let path = disk.path + "/cluster.db"
        await (try SQLiteBackend.open(path, mode: .create, options: store.options())).close()
        try disk.makeReadOnly()
        for mode in [SQLiteBackend.OpenMode.create, .migrate, .existing] {
            let code = await failureCode {
                try await SQLiteBackend.open(path, mode: mode, options: store.options())
            }
            #expect(code == .readOnly)
        }
        let other = await failureCode {
            try await SQLiteBackend.open(disk.path + "/new.db", mode: .create, options: store.options())
        }
        #expect(other == .readOnly)
    }

    @Test("a full disk fails the write that does not fit, loses nothing before it, and works again with room")
    func fullDisk() async throws {
        let store = try TestStore()
        let disk = try Disk(at: store.directory.file("disk"), bytes: 4 << 20)
        defer { disk.detach() }
        let path = disk.path + "/cluster.db"
        let backend = try await SQLiteBackend.open(path, mode: .create, options: store.options())
        let cluster = ClusterInfo(id: store.clusterID, lineage: sample(2), createdAt: store.environment.now)
        try await backend.write { writer in try writer.change(by: .test) { try $0.createCluster(cluster) } }
        let value = try #require(SealedValue([UInt8](repeating: 1, count: 200_000)))
        var stored = 0
        var code: StorageError.Code?
        for number in 1...60 where code == nil {
            let secret = SealedSecret(
                id: sample(UInt64(number)), purpose: .cookie, value: value, createdAt: Timestamp(seconds: 1))
            code = await failureCode {
                try await backend.write { writer in try writer.change(by: .test) { try $0.add(secret) } }
            }
            if code == nil { stored += 1 }
        }
        #expect(code == .outOfSpace)
        #expect(stored > 0)
        #expect(try await backend.read { try $0.config.secrets() }.value.count == stored)
        #expect(try await backend.read { try $0.config.revision() }.number == Int64(stored + 1))
        try disk.resize(bytes: 32 << 20)
        try await backend.write { writer in try writer.change(by: .test) { try $0.set("hold-tun", to: "true") } }
        #expect(try await backend.integrityFindings().isEmpty)
        await backend.close()
    }

    @Test("a disk that is full at creation is told, and nothing but an empty beginning is left")
    func fullAtCreation() async throws {
        let store = try TestStore()
        let disk = try Disk(at: store.directory.file("disk"), bytes: 16 << 10)
        defer { disk.detach() }
        let path = disk.path + "/cluster.db"
        let code = await failureCode { try await SQLiteBackend.open(path, mode: .create, options: store.options()) }
        #expect(code == .outOfSpace)
        try disk.resize(bytes: 8 << 20)
        let backend = try await SQLiteBackend.open(path, mode: .create, options: store.options())
        #expect(try await backend.read { try $0.config.cluster() } == nil)
        await backend.close()
    }

    @Test("a copy of a database in use is whole, private, and not made over another file")
    func copy() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let copy = store.directory.file("copy.db")
        try await backend.copy(to: copy)
        #expect(mode(copy) == 0o600)
        #expect(await failureCode { try await backend.copy(to: copy) } == .constraint("file"))
        await backend.close()
        let other = try await SQLiteBackend.open(copy, mode: .existing, options: store.options())
        #expect(try await other.read { try $0.config.cluster()?.id } == store.clusterID)
        await other.close()
        #expect(!store.directory.files.contains { $0.hasSuffix(".partial") })
    }

    @Test(
        "URLs name absolute paths",
        arguments: [
            ("sqlite:///var/lib/a.db", "/var/lib/a.db"), ("sqlite:///a%20b/c.db", "/a b/c.db"),
            ("mysql://host/db", nil),
        ])
    func urls(url: String, path: String?) throws {
        #expect(try SQLiteURL.path(of: url) == path)
        if let path { #expect(try SQLiteURL.path(of: SQLiteURL.url(of: path)) == path) }
    }

    @Test(
        "URLs that name none are refused",
        arguments: [
            "sqlite:", "sqlite:a.db", "sqlite://host/a.db", "sqlite:///a?b=c", "sqlite:///a%00b", "sqlite:///a/",
        ])
    func badURLs(url: String) {
        #expect(throws: StorageError.self) { try SQLiteURL.path(of: url) }
    }
}
