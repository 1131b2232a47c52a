import Foundation
import Glibc
import Testing

/// Everything that runs the built program, one test at a time.
@Suite("The command line", .serialized)
enum CommandLineTests {}

extension CommandLineTests {
    @Suite("init")
    struct Initialisation {
        private func mode(_ path: String) throws -> Int {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
        }

        @Test("makes a node that only its owner can read, whatever the umask is")
        func makesNode() throws {
            let asnode = try Asnode()
            let outcome = try Asnode.execute([
                "sh", "-c", "umask 000; exec \"$0\" --data \"$1\" init --hostname vpn.example.com", Asnode.binary,
                asnode.data,
            ])
            #expect(outcome.status == 0, "\(outcome)")
            #expect(try mode(asnode.data) == 0o700)
            let files = try FileManager.default.contentsOfDirectory(atPath: asnode.data)
            #expect(Set(["node.yaml", "cluster.key", "asnode.db"]).isSubset(of: files))
            for file in files { #expect(try mode(asnode.file(file)) == 0o600, "\(file)") }
        }

        @Test("a second run changes nothing, whatever it is asked for")
        func secondRun() throws {
            let asnode = try Asnode()
            let first = try asnode.json("init", "--hostname", "vpn.example.com", "--name", "n1", "--listen", "udp:1200")
            #expect(first["changed"] as? Bool == true)
            let before = try ["node.yaml", "cluster.key"].map {
                try String(contentsOfFile: asnode.file($0), encoding: .utf8)
            }
            let audit = try asnode.rows("entries", "audit", "list").count
            let second = try asnode.json(
                "init", "--hostname", "other.example.com", "--name", "n2", "--listen", "udp:1300")
            #expect(second["changed"] as? Bool == false)
            for key in ["id", "cluster", "name", "hostname"] {
                #expect(first[key] as? String == second[key] as? String, "\(key)")
            }
            #expect(second["listen"] as? [String] == ["udp:1200"])
            let after = try ["node.yaml", "cluster.key"].map {
                try String(contentsOfFile: asnode.file($0), encoding: .utf8)
            }
            #expect(before == after)
            #expect(try asnode.rows("entries", "audit", "list").count == audit)
        }

        @Test(
            "a run that was interrupted is completed by the next one",
            arguments: [["cluster.key"], ["cluster.key", "node.yaml"]])
        func completesInterrupted(_ kept: [String]) throws {
            let asnode = try Asnode.made()
            let key = try String(contentsOfFile: asnode.file("cluster.key"), encoding: .utf8)
            for file in try FileManager.default.contentsOfDirectory(atPath: asnode.data) where !kept.contains(file) {
                try FileManager.default.removeItem(atPath: asnode.file(file))
            }
            try "half a file".write(toFile: asnode.file(".node.yaml.1.2.tmp"), atomically: false, encoding: .utf8)
            let outcome = try asnode.run("init", "--hostname", "vpn.example.com", "--name", "n1")
            #expect(outcome.status == 0, "\(outcome)")
            #expect(try String(contentsOfFile: asnode.file("cluster.key"), encoding: .utf8) == key)
            #expect(!FileManager.default.fileExists(atPath: asnode.file(".node.yaml.1.2.tmp")))
            try asnode.addUser("user1")
        }

        @Test("a database whose key or settings are gone is not touched", arguments: ["cluster.key", "node.yaml"])
        func missingFile(_ name: String) throws {
            let asnode = try Asnode.made()
            let database = FileManager.default.contents(atPath: asnode.file("asnode.db"))
            try FileManager.default.removeItem(atPath: asnode.file(name))
            let outcome = try asnode.run("init", "--hostname", "vpn.example.com")
            #expect(outcome.status == 78 && outcome.isOneLine, "\(outcome)")
            #expect(outcome.errors.contains(name) && outcome.errors.contains("restore"))
            #expect(FileManager.default.contents(atPath: asnode.file("asnode.db")) == database)
            #expect(!FileManager.default.fileExists(atPath: asnode.file(name)))
        }

        static let badChoices: [([String], Int32)] = [
            (["--hostname", "bad name"], 64), (["--hostname", "a,b"], 64), (["--listen", "udp:0"], 64),
            (["--listen", "tcp:443"], 69), (["--listen", "udp:1194", "--listen", "udp:1194"], 64),
            (["--name", "../x"], 64), (["--client-network", "10.0.0.0/33"], 64), (["--egress", "maybe"], 64),
            (["--public-address", "300.1.1.1"], 64), (["--client-network", "10.56.0.0/30"], 64),
            (["--client-network", "10.56.0.1/16"], 64), (["--nonsense"], 64),
        ]

        @Test("a choice that cannot be is refused before anything is made", arguments: badChoices)
        func refused(_ arguments: [String], _ status: Int32) throws {
            let asnode = try Asnode()
            let outcome = try Asnode.execute([Asnode.binary, "--data", asnode.data, "init"] + arguments)
            #expect(outcome.status == status && outcome.isOneLine, "\(outcome)")
            #expect(!FileManager.default.fileExists(atPath: asnode.file("asnode.db")))
            let good = try asnode.run("init", "--hostname", "vpn.example.com", "--name", "n9", "--listen", "udp:1400")
            #expect(good.status == 0 && good.output.contains("n9") && good.output.contains("udp:1400"), "\(good)")
        }

        @Test("two runs at the same time make one node")
        func concurrentRuns() throws {
            let asnode = try Asnode()
            let runs = try (0..<3).map { _ in
                try Asnode.start([
                    Asnode.binary, "--data", asnode.data, "--json", "init", "--hostname", "vpn.example.com",
                ])
            }
            let made = try runs.map { run -> [String: Any] in
                #expect(run.wait(within: 60) == 0, "\(run.errors)")
                return try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
            }
            #expect(Set(made.compactMap { $0["id"] as? String }).count == 1)
            #expect(made.filter { $0["changed"] as? Bool == true }.count == 1)
        }

        @Test("init on a directory whose parent belongs to someone else ends with one clear line")
        func unwritableParent() throws {
            let asnode = try Asnode()
            let outcome = try Asnode.execute([
                "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", Asnode.binary, "--data",
                asnode.data,
                "init", "--hostname", "vpn.example.com",
            ])
            #expect([73, 77].contains(outcome.status) && outcome.isOneLine, "\(outcome)")
        }
    }
}
