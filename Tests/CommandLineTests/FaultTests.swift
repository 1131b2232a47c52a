import Foundation
import Glibc
import Testing

extension CommandLineTests {
    @Suite("Faults of machine and data")
    struct Faults {
        /// Runs `body` with a small file system of its own at `place/small`.
        private func withSmallDisk(_ asnode: Asnode, kilobytes: Int, _ body: (String) throws -> Void) throws {
            let path = asnode.place + "/small"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            let mounted = try Asnode.execute([
                "mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k,mode=0755", "tmpfs", path,
            ])
            try #require(mounted.status == 0, "needs root: \(mounted)")
            defer { _ = try? Asnode.execute(["umount", "-l", path]) }
            try body(path)
        }

        @Test("a file that is no database is refused and stays as it is")
        func brokenDatabase() throws {
            let asnode = try Asnode.made()
            let garbage = Data((0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            for side in ["-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: asnode.file("asnode.db" + side))
            }
            try garbage.write(to: URL(fileURLWithPath: asnode.file("asnode.db")))
            for arguments in [["user", "list"], ["run"], ["init"]] {
                let outcome = try Asnode.execute([Asnode.binary, "--data", asnode.data] + arguments)
                #expect(outcome.status == 65 && outcome.isOneLine, "\(arguments): \(outcome)")
            }
            #expect(FileManager.default.contents(atPath: asnode.file("asnode.db")) == garbage)
        }

        @Test("another program's database is refused and stays as it is")
        func foreignDatabase() throws {
            let asnode = try Asnode.made()
            let foreign = asnode.place + "/foreign.db"
            #expect(
                try Asnode.execute(["sqlite3", foreign, "CREATE TABLE t(a); INSERT INTO t VALUES (1);"]).status == 0)
            for side in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: asnode.file("asnode.db" + side))
            }
            try FileManager.default.copyItem(atPath: foreign, toPath: asnode.file("asnode.db"))
            #expect(chmod(asnode.file("asnode.db"), 0o600) == 0)
            let outcome = try asnode.run("user", "list")
            #expect(outcome.status == 65 && outcome.isOneLine, "\(outcome)")
            #expect(
                FileManager.default.contents(atPath: asnode.file("asnode.db"))
                    == FileManager.default.contents(atPath: foreign))
        }

        @Test("a database that a newer version made is refused and stays as it is")
        func newerSchema() throws {
            let asnode = try Asnode.made()
            let script = """
                INSERT INTO schema_steps (number, name, applied_at) VALUES (9999, 'later', 0);
                PRAGMA wal_checkpoint(TRUNCATE);
                """
            let newer = try Asnode.execute(["sqlite3", asnode.file("asnode.db"), script])
            #expect(newer.status == 0, "\(newer)")
            let before = FileManager.default.contents(atPath: asnode.file("asnode.db"))
            for arguments in [["user", "list"], ["run"], ["init"]] {
                let outcome = try Asnode.execute([Asnode.binary, "--data", asnode.data] + arguments)
                #expect(outcome.status == 78 && outcome.isOneLine && outcome.errors.contains("newer"), "\(outcome)")
            }
            #expect(FileManager.default.contents(atPath: asnode.file("asnode.db")) == before)
        }

        @Test("a database of another cluster is refused")
        func otherCluster() throws {
            let (one, other) = (try Asnode.made(), try Asnode.made())
            for side in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: one.file("asnode.db" + side))
                if FileManager.default.fileExists(atPath: other.file("asnode.db" + side)) {
                    try FileManager.default.copyItem(
                        atPath: other.file("asnode.db" + side), toPath: one.file("asnode.db" + side))
                }
            }
            let outcome = try one.run("user", "list")
            #expect([65, 78].contains(outcome.status) && outcome.isOneLine, "\(outcome)")
        }

        @Test("init on a disk without room ends with one line, and succeeds when there is room")
        func fullDisk() throws {
            let asnode = try Asnode()
            try withSmallDisk(asnode, kilobytes: 100) { path in
                let arguments = [Asnode.binary, "--data", path + "/node", "init", "--hostname", "vpn.example.com"]
                let full = try Asnode.execute(arguments)
                #expect([74, 75].contains(full.status) && full.isOneLine, "\(full)")
                #expect(try Asnode.execute(["mount", "-o", "remount,size=16m", path]).status == 0)
                let roomy = try Asnode.execute(arguments)
                #expect(roomy.status == 0, "\(roomy)")
            }
        }

        @Test("a disk that fills up later destroys nothing")
        func diskFillsUp() throws {
            let asnode = try Asnode()
            try withSmallDisk(asnode, kilobytes: 2048) { path in
                let program = [Asnode.binary, "--data", path + "/node"]
                #expect(try Asnode.execute(program + ["init", "--hostname", "vpn.example.com"]).status == 0)
                _ = try Asnode.execute(program + ["config", "set", "password.scrypt-cost", "14"])
                let add = { (name: String) in
                    try Asnode.execute(
                        program + ["user", "add", name, "--password-stdin"], input: "correct horse battery\n")
                }
                #expect(try add("user1").status == 0)
                _ = try Asnode.execute(["dd", "if=/dev/zero", "of=\(path)/filler", "bs=4k"])
                let full = try add("user2")
                #expect([74, 75].contains(full.status) && full.isOneLine, "\(full)")
                try FileManager.default.removeItem(atPath: path + "/filler")
                let list = try Asnode.execute(program + ["user", "list"])
                #expect(list.status == 0 && list.output.contains("user1") && !list.output.contains("user2"), "\(list)")
                #expect(try add("user2").status == 0)
            }
        }

        @Test("a read-only disk ends with one line")
        func readOnlyDisk() throws {
            let asnode = try Asnode()
            try withSmallDisk(asnode, kilobytes: 8192) { path in
                let program = [Asnode.binary, "--data", path + "/node"]
                #expect(try Asnode.execute(program + ["init", "--hostname", "vpn.example.com"]).status == 0)
                #expect(try Asnode.execute(["mount", "-o", "remount,ro", path]).status == 0)
                let outcome = try Asnode.execute(
                    program + ["user", "add", "user1", "--password-stdin"], input: "correct horse\n")
                #expect([73, 74, 77].contains(outcome.status) && outcome.isOneLine, "\(outcome)")
                let fresh = try Asnode.execute([
                    Asnode.binary, "--data", path + "/new", "init", "--hostname", "a.example",
                ])
                #expect([73, 74, 77].contains(fresh.status) && fresh.isOneLine, "\(fresh)")
            }
        }

        @Test(
            "what others can read is refused, with the command that closes it",
            arguments: [("cluster.key", 0o644, "chmod 600"), (".", 0o755, "chmod 700")])
        func openToOthers(_ name: String, _ mode: Int, _ advice: String) throws {
            let asnode = try Asnode.made()
            #expect(chmod(asnode.file(name), mode_t(mode)) == 0)
            let outcome = try asnode.run("user", "list")
            #expect(outcome.status == 78 && outcome.isOneLine && outcome.errors.contains(advice), "\(outcome)")
        }

        @Test("a directory without a node says how to make one")
        func noNode() throws {
            let asnode = try Asnode()
            for arguments in [["user", "list"], ["run"], ["config", "list"]] {
                let outcome = try Asnode.execute([Asnode.binary, "--data", asnode.data] + arguments)
                #expect(outcome.status == 78 && outcome.isOneLine && outcome.errors.contains("init"), "\(outcome)")
            }
        }

        @Test("a slip in node.yaml is named with its line")
        func settingsSlip() throws {
            let asnode = try Asnode.made()
            let text = try String(contentsOfFile: asnode.file("node.yaml"), encoding: .utf8)
            try (text + "\nlog_level: debug\n").write(
                toFile: asnode.file("node.yaml"), atomically: false, encoding: .utf8)
            let outcome = try asnode.run("user", "list")
            #expect(outcome.status == 78 && outcome.isOneLine && outcome.errors.contains("log_level"), "\(outcome)")
        }

        @Test("settings are exported, changed and imported again, all or none")
        func exportAndImport() throws {
            let asnode = try Asnode.made()
            #expect(try asnode.run("config", "set", "push.routes", "192.0.2.0/24,2001:db8::/32").status == 0)
            let exported = try asnode.run("config", "export").output
            #expect(try asnode.run("config", "unset", "push.routes").output == "push.routes =  (default)\n")
            #expect(try asnode.run("config", "set", "limit.clients", "10").status == 0)
            let bad = try asnode.run(
                "config", "import", "-", input: #"{"settings": {"limit.clients": "5", "hostname": "not a name"}}"#)
            #expect(bad.status == 64 && bad.isOneLine, "\(bad)")
            #expect(try asnode.run("config", "get", "limit.clients").output == "10\n")
            #expect(try asnode.run("config", "import", "-", input: exported).status == 0)
            #expect(try asnode.run("config", "get", "limit.clients").output == "1000\n")
            #expect(try asnode.run("config", "get", "push.routes").output == "192.0.2.0/24,2001:db8::/32\n")
            #expect(try asnode.run("config", "export").output == exported)
        }
    }
}
