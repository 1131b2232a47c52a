import Foundation
import Glibc
import Testing

extension CommandLineTests {
    @Suite("backup, restore and storage copy")
    struct Moving {
        private static let passphrase = "nine lives of a cat\n"

        private func names(_ asnode: Asnode) throws -> [String] {
            try asnode.rows("users", "user", "list").compactMap { $0["name"] as? String }
        }

        /// A node with a user and a profile, and the passphrase in a file.
        private func made() throws -> (Asnode, passphrase: String) {
            let asnode = try Asnode.made()
            try asnode.addUser("user1")
            let issued = try asnode.run("profile", "issue", "user1", "--output", asnode.place + "/user1.ovpn")
            #expect(issued.status == 0, "\(issued)")
            let file = asnode.place + "/passphrase"
            try Self.passphrase.write(toFile: file, atomically: false, encoding: .utf8)
            return (asnode, file)
        }

        @Test("a backup makes the node anew on an empty machine")
        func emptyMachine() throws {
            let (asnode, passphrase) = try made()
            let file = asnode.place + "/backup"
            let written = try asnode.run("backup", file, "--passphrase-file", passphrase)
            #expect(written.status == 0 && written.errors.isEmpty, "\(written)")
            let machine = try Asnode()
            let restored = try machine.run("restore", file, "--passphrase-file", "-", input: Self.passphrase)
            #expect(restored.status == 0 && restored.errors.isEmpty, "\(restored)")
            #expect(try names(machine) == ["user1"])
            #expect(
                try machine.rows("profiles", "profile", "list").compactMap { $0["serial"] as? String }
                    == asnode.rows("profiles", "profile", "list").compactMap { $0["serial"] as? String })
            try machine.addUser("user2")
            let log = try machine.rows("entries", "audit", "list")
            #expect(log.contains { $0["action"] as? String == "store.restore" })
        }

        @Test("without the key a backup says what it lacks, and restores with a copy of the key")
        func withoutKey() throws {
            let (asnode, _) = try made()
            let file = asnode.place + "/backup"
            let written = try asnode.run("backup", file)
            #expect(written.status == 0 && written.isOneLine && written.errors.contains("cluster.key"), "\(written)")
            let machine = try Asnode()
            let refused = try machine.run("restore", file)
            #expect(refused.status == 78 && refused.isOneLine && refused.errors.contains("--key-file"), "\(refused)")
            let restored = try machine.run("restore", file, "--key-file", asnode.file("cluster.key"))
            #expect(restored.status == 0, "\(restored)")
            #expect(try names(machine) == ["user1"])
        }

        @Test("a recipient's private key restores what openssl made the public key of")
        func recipient() throws {
            let (asnode, passphrase) = try made()
            let (own, open) = (asnode.place + "/own.pem", asnode.place + "/open.pem")
            let made = try Asnode.execute([
                "sh", "-c",
                "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out \(own) && openssl pkey -in \(own) -pubout -out \(open)",
            ])
            #expect(made.status == 0, "\(made)")
            let file = asnode.place + "/backup"
            #expect(try asnode.run("backup", file, "--recipient", open).status == 0)
            let machine = try Asnode()
            for arguments in [[], ["--passphrase-file", passphrase], ["--identity", open]] {
                let refused = try Asnode.execute(
                    [Asnode.binary, "--data", machine.data, "restore", file] + arguments)
                #expect([64, 65].contains(refused.status) && refused.isOneLine, "\(refused)")
            }
            let restored = try machine.run("restore", file, "--identity", own)
            #expect(restored.status == 0, "\(restored)")
            #expect(try names(machine) == ["user1"])
        }

        @Test("nothing is overwritten without being told")
        func replacing() throws {
            let (asnode, passphrase) = try made()
            let file = asnode.place + "/backup"
            #expect(try asnode.run("backup", file, "--passphrase-file", passphrase).status == 0)
            #expect(try asnode.run("backup", file, "--passphrase-file", passphrase).status == 73)
            #expect(try asnode.run("backup", file, "--passphrase-file", passphrase, "--replace").status == 0)
            try asnode.addUser("user2")
            let refused = try asnode.run("restore", file, "--passphrase-file", passphrase)
            #expect(refused.status == 73 && refused.isOneLine, "\(refused)")
            #expect(try names(asnode) == ["user1", "user2"])
            let replaced = try asnode.run("restore", file, "--passphrase-file", passphrase, "--replace")
            #expect(replaced.status == 0, "\(replaced)")
            #expect(try names(asnode) == ["user1"])
            let kept = try FileManager.default.contentsOfDirectory(atPath: asnode.data).filter {
                $0.contains(".before-restore-")
            }
            #expect(kept.count == 3, "\(kept)")
        }

        @Test("bad files, a wrong passphrase and a short one are one line and their status")
        func badInput() throws {
            let (asnode, passphrase) = try made()
            let file = asnode.place + "/backup"
            #expect(try asnode.run("backup", file, "--passphrase-file", passphrase).status == 0)
            let whole = try Data(contentsOf: URL(fileURLWithPath: file))
            var flipped = whole
            flipped[whole.count / 3] ^= 1
            let machine = try Asnode()
            let bad = machine.place + "/bad"
            for data in [Data(), Data("text".utf8), whole.dropLast(7), flipped] {
                try data.write(to: URL(fileURLWithPath: bad))
                let refused = try machine.run("restore", bad, "--passphrase-file", passphrase)
                #expect(refused.status == 65 && refused.isOneLine, "\(refused)")
            }
            let wrong = try machine.run("restore", file, "--passphrase-file", "-", input: "another one\n")
            #expect(wrong.status == 65 && wrong.isOneLine, "\(wrong)")
            let nobody = try machine.run("restore", file)
            #expect(nobody.status == 64 && nobody.isOneLine && nobody.errors.contains("--passphrase-file"), "\(nobody)")
            #expect(!FileManager.default.fileExists(atPath: machine.file("node.yaml")))
            let short = try asnode.run("backup", asnode.place + "/other", "--passphrase-file", "-", input: "short\n")
            #expect(short.status == 64 && short.isOneLine, "\(short)")
            let nowhere = try asnode.run("backup", asnode.place + "/no/such/place", "--passphrase-file", passphrase)
            #expect(nowhere.status == 73 && nowhere.isOneLine, "\(nowhere)")
            #expect(try asnode.run("restore", asnode.place + "/nothing").status == 65)
        }

        @Test("a copy moves the node to another database; the old one takes no changes any more")
        func copies() throws {
            let (asnode, _) = try made()
            let own = asnode.place + "/own"
            try FileManager.default.createDirectory(
                atPath: own, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let target = "sqlite://" + own + "/moved.db"
            let plan = try asnode.json("storage", "copy", "--to", target, "--dry-run")
            #expect(plan["dryRun"] as? Bool == true && (plan["rows"] as? Int ?? 0) > 10)
            #expect(!FileManager.default.fileExists(atPath: own + "/moved.db"))
            let old = asnode.place + "/old"
            let moved = try asnode.run("storage", "copy", "--to", target)
            #expect(moved.status == 0 && moved.errors.isEmpty, "\(moved)")
            #expect(try String(contentsOfFile: asnode.file("node.yaml"), encoding: .utf8).contains(target))
            try asnode.addUser("user2")
            #expect(try names(asnode) == ["user1", "user2"])
            // The node as it was before, on the database that was left.
            try FileManager.default.copyItem(atPath: asnode.data, toPath: old)
            try FileManager.default.removeItem(atPath: old + "/node.yaml")
            try FileManager.default.moveItem(atPath: old + "/node.yaml.before-copy", toPath: old + "/node.yaml")
            let refused = try Asnode.execute(
                [Asnode.binary, "--data", old, "user", "add", "late", "--password-stdin"],
                input: "correct horse battery\n")
            #expect(refused.status == 75 && refused.isOneLine && refused.errors.contains("moved.db"), "\(refused)")
            let listed = try Asnode.execute([Asnode.binary, "--data", old, "user", "list"])
            #expect(listed.status == 0 && !listed.output.contains("user2"), "\(listed)")
            let abort = try Asnode.execute([Asnode.binary, "--data", old, "storage", "copy", "--to", target, "--abort"])
            #expect(abort.status == 78 && abort.isOneLine && abort.errors.contains("complete"), "\(abort)")
            // A target that is not to be seen may still be in use.
            try FileManager.default.moveItem(atPath: own + "/moved.db", toPath: own + "/elsewhere.db")
            let unseen = try Asnode.execute([
                Asnode.binary, "--data", old, "storage", "copy", "--to", target, "--abort",
            ])
            #expect(unseen.status == 78 && unseen.isOneLine && unseen.errors.contains("--target-lost"), "\(unseen)")
        }

        @Test("a node that is there is not founded a second time in another database")
        func foundedOnce() throws {
            let asnode = try Asnode.made()
            let other = asnode.place + "/other.db"
            let refused = try asnode.run("init", environment: ["ASNODE_DATABASE": "sqlite://" + other])
            #expect(refused.status == 78 && refused.isOneLine, "\(refused)")
            #expect(!FileManager.default.fileExists(atPath: other))
        }

        @Test("a passphrase may come late on standard input")
        func latePassphrase() throws {
            let asnode = try Asnode.made()
            let outcome = try Asnode.execute([
                "/bin/sh", "-c",
                "(sleep 0.5; echo 'correct horse battery') | \"$0\" --data \"$1\" backup \"$2\" --passphrase-file -",
                Asnode.binary, asnode.data, asnode.place + "/backup",
            ])
            #expect(outcome.status == 0, "\(outcome)")
        }

        static let badCopies: [([String], Int32)] = [
            (["--to", "nonsense://x"], 64), ([], 64), (["--to", "sqlite:///tmp/x.db", "--abort", "--dry-run"], 64),
            (["--to", "mysql://root:geheim@127.0.0.1:1/db?connect-timeout=1"], 69),
            (["mysql://root:geheim@127.0.0.1:1/db", "mysql://root:geheim@127.0.0.1:1/db"], 64),
            (["--to", "postgres://root:geheim@127.0.0.1:1/db?connect_timeout=1"], 69),
        ]

        @Test("a copy that cannot be is refused and leaves the node as it is", arguments: badCopies)
        func badCopy(_ arguments: [String], _ status: Int32) throws {
            let asnode = try Asnode.made()
            let refused = try Asnode.execute(
                [Asnode.binary, "--data", asnode.data, "storage", "copy"] + arguments)
            #expect(refused.status == status && refused.isOneLine && !refused.errors.contains("geheim"), "\(refused)")
            let same = try asnode.run("storage", "copy", "--to", "sqlite://" + asnode.file("asnode.db"))
            #expect(same.status == 64 && same.isOneLine, "\(same)")
            try asnode.addUser("user1")
        }
    }
}
