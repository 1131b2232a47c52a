import Foundation
import Glibc
import Testing

extension CommandLineTests {
    @Suite("run and doctor")
    struct RunAndDoctor {
        @Test("a second run on the same directory says so and ends", .timeLimit(.minutes(2)))
        func lockedDirectory() throws {
            let asnode = try Asnode.made()
            let first = try Asnode.start(["unshare", "-n", Asnode.binary, "--data", asnode.data, "run"])
            #expect(first.waitForLog("listening on udp:1194"), "\(first.errors)")
            #expect(first.waitForLog("node is up"), "\(first.errors)")
            let second = try Asnode.execute(["unshare", "-n", Asnode.binary, "--data", asnode.data, "run"])
            #expect(second.status == 75 && second.isOneLine, "\(second)")
            #expect(try asnode.rows("sessions", "session", "list").isEmpty)
            let again = try asnode.json("init")
            #expect(again["changed"] as? Bool == false)
            first.signal(SIGTERM)
            #expect(first.wait(within: 20) == 0, "\(first.errors)")
            #expect(first.errors.contains("node is down"))
        }

        @Test("a second signal ends the node at once")
        func secondSignal() throws {
            let asnode = try Asnode.made()
            let node = try Asnode.start(["unshare", "-n", Asnode.binary, "--data", asnode.data, "run"])
            #expect(node.waitForLog("node is up"), "\(node.errors)")
            node.signal(SIGINT)
            usleep(50_000)
            node.signal(SIGINT)
            let status = node.wait(within: 5)
            // The clean end may have been faster than the second signal.
            #expect(status == 130 || status == 0, "\(node.errors)")
        }

        @Test("without the right to configure the network, run says so", arguments: ["run"])
        func noPrivilege(_ command: String) throws {
            let asnode = try Asnode.made()
            #expect(try Asnode.execute(["chown", "-R", "65534:65534", asnode.data]).status == 0)
            let outcome = try Asnode.execute([
                "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs", Asnode.binary,
                "--data", asnode.data, command,
            ])
            #expect(outcome.status == 77, "\(outcome)")
            let last = outcome.errors.split(separator: "\n").last.map(String.init) ?? ""
            #expect(
                last.hasPrefix("asnode: ") && (last.contains("CAP_NET_ADMIN") || last.contains("root")), "\(outcome)")
        }

        @Test("the level of the log is that of the environment, and is checked")
        func logLevel() throws {
            let asnode = try Asnode.made()
            let outcome = try asnode.run("run", environment: ["ASNODE_LOG_LEVEL": "loud"])
            #expect(outcome.status == 78 && outcome.isOneLine && outcome.errors.contains("log-level"), "\(outcome)")
        }

        @Test("the doctor finds a taken port and an open key, and says how to mend them")
        func doctor() throws {
            let asnode = try Asnode.made()
            #expect(chmod(asnode.file("cluster.key"), 0o640) == 0)
            let script = """
                import socket, subprocess, sys
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 1194))
                sys.exit(subprocess.call(sys.argv[1:]))
                """
            let outcome = try Asnode.execute([
                "unshare", "-n", "python3", "-c", script, Asnode.binary, "--data", asnode.data, "--json", "doctor",
            ])
            #expect(outcome.status == 1, "\(outcome)")
            let document = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
            let findings = try #require(document?["findings"] as? [[String: Any]])
            let failed = findings.filter { $0["state"] as? String == "fail" }
            #expect(
                Set(failed.compactMap { $0["check"] as? String }).isSuperset(of: ["port-udp:1194", "file-cluster.key"]))
            #expect(failed.allSatisfy { $0["advice"] is String })
            #expect(findings.allSatisfy { Set($0.keys).isSubset(of: ["check", "state", "summary", "advice"]) })
        }

        @Test("a healthy node has nothing that stops it")
        func healthy() throws {
            let asnode = try Asnode.made()
            let outcome = try Asnode.execute(["unshare", "-n", Asnode.binary, "--data", asnode.data, "doctor"])
            #expect(outcome.status == 0, "\(outcome)")
            #expect(outcome.output.contains("database: the database can be read"))
        }
    }
}
