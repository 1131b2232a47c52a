import Foundation
import Testing

extension CommandLineTests {
    @Suite("Users and profiles")
    struct UsersAndProfiles {
        static let userKeys: Set<String> = ["id", "name", "enabled", "admin", "autoLogin", "hasPassword", "createdAt"]
        static let profileKeys: Set<String> = [
            "serial", "user", "userID", "kind", "commonName", "issuedAt", "notBefore", "notAfter",
        ]

        @Test("a user is added, listed, changed, given a new password and removed")
        func life() throws {
            let asnode = try Asnode.made()
            let added = try asnode.json(
                "user", "add", "user1", "--admin", "--password-stdin", input: "correct horse battery\n")
            let user = try #require(added["user"] as? [String: Any])
            #expect(Set(user.keys) == Self.userKeys)
            #expect(user["name"] as? String == "user1" && user["admin"] as? Bool == true)
            #expect(try asnode.run("user", "set", "user1", "--no-admin", "--disable-login").status == 0)
            let listed = try #require(try asnode.rows("users", "user", "list").first)
            #expect(Set(listed.keys) == Self.userKeys)
            #expect(listed["admin"] as? Bool == false && listed["enabled"] as? Bool == false)
            #expect(
                try asnode.run("user", "passwd", "user1", "--password-stdin", input: "another good one\n").status == 0)
            let shown = try asnode.json("user", "show", "user1")
            #expect(Set(shown.keys) == ["user", "profiles", "sessions", "failedLogins"])
            #expect(try asnode.run("user", "remove", "user1").status == 0)
            #expect(try asnode.rows("users", "user", "list").isEmpty)
            #expect(try asnode.run("user", "show", "user1").status == 67)
            let actions = try asnode.rows("entries", "audit", "list").compactMap { $0["action"] as? String }
            #expect(Set(["user.add", "user.update", "user.remove"]).isSubset(of: actions))
        }

        @Test("global options stand before or after the command")
        func optionPlaces() throws {
            let asnode = try Asnode.made()
            for arguments in [
                ["user", "list", "--json", "--data", asnode.data], ["user", "--json", "--data", asnode.data, "list"],
            ] {
                let outcome = try Asnode.execute([Asnode.binary] + arguments)
                #expect(outcome.status == 0 && outcome.output.contains("\"users\""), "\(outcome)")
            }
            let byEnvironment = try Asnode.execute(
                [Asnode.binary, "user", "list"], environment: ["ASNODE_DATA": asnode.data])
            #expect(byEnvironment.status == 0, "\(byEnvironment)")
        }

        /// A command that must fail, what it reads, and how it ends.
        struct WrongInput: Sendable, CustomTestStringConvertible {
            let arguments: [String]
            let input: String
            let status: Int32
            var testDescription: String { arguments.joined(separator: " ") }

            init(_ arguments: [String], _ input: String, _ status: Int32) {
                self.arguments = arguments
                self.input = input
                self.status = status
            }
        }

        static let wrongInputs: [WrongInput] = [
            WrongInput(["user", "add", "user1", "--password-stdin"], "correct horse battery\n", 73),
            WrongInput(["user", "add", "user2", "--password-stdin"], "short\n", 65),
            WrongInput(["user", "add", "user2", "--password-stdin"], "", 65),
            WrongInput(["user", "add", "user2"], "", 64),
            WrongInput(["user", "add"], "", 64),
            WrongInput(["user", "add", "a/b", "--password-stdin"], "correct horse battery\n", 64),
            WrongInput(["user", "add", "", "--password-stdin"], "correct horse battery\n", 64),
            WrongInput(["user", "add", "user2", "--group", "g", "--password-stdin"], "correct horse battery\n", 69),
            WrongInput(["user", "add", "user2", "--password", "correct horse battery"], "", 64),
            WrongInput(["user", "set", "user1"], "", 64),
            WrongInput(["user", "set", "nobody", "--admin"], "", 67),
            WrongInput(["user", "set", "user1", "--admin", "--no-admin"], "", 64),
            WrongInput(["user", "passwd", "nobody", "--password-stdin"], "correct horse battery\n", 67),
            WrongInput(["user", "remove", "nobody"], "", 67),
            WrongInput(["user", "totp", "user1"], "", 69),
            WrongInput(["user", "frob"], "", 64),
            WrongInput(["profile", "issue", "nobody"], "", 67),
            WrongInput(["profile", "issue", "user1", "--kind", "auto-login"], "", 69),
            WrongInput(["profile", "issue", "user1", "--kind", "odd"], "", 64),
            WrongInput(["profile", "issue", "user1", "--output", "/nowhere/x.ovpn"], "", 73),
            WrongInput(["profile", "revoke", "zz"], "", 64),
            WrongInput(["profile", "revoke", "abcdef"], "", 65),
            WrongInput(["profile", "list", "nobody"], "", 67),
            WrongInput(["session", "end", "abcd"], "", 65),
            WrongInput(["session", "end", "x"], "", 64),
            WrongInput(["session", "list", "--ended", "--limit", "0"], "", 64),
            WrongInput(["config", "get", "nonsense"], "", 64),
            WrongInput(["config", "set", "nonsense", "1"], "", 64),
            WrongInput(["config", "set", "limit.clients", "many"], "", 64),
            WrongInput(["config", "set", "keepalive.server-ping", "30s"], "", 64),
            WrongInput(["config", "import", "/nowhere/file"], "", 65),
            WrongInput(["config", "import", "-"], "{\"a\":", 65),
            WrongInput(["license", "show"], "", 69),
            WrongInput(["group", "add", "x"], "", 69),
            WrongInput(["rule", "list"], "", 69),
            WrongInput(["cluster", "create", "--database", "mysql://a"], "", 69),
            WrongInput(["node", "list"], "", 69),
            WrongInput(["backup", "/nowhere/file"], "", 73),
            WrongInput(["storage", "check"], "", 64),
            WrongInput(["frob"], "", 64),
        ]

        @Test("wrong input ends with one line and the right status, and changes nothing", arguments: wrongInputs)
        func wrongInput(_ wrong: WrongInput) throws {
            let (arguments, input, status) = (wrong.arguments, wrong.input, wrong.status)
            let asnode = try Self.shared.get()
            let before = try asnode.rows("entries", "audit", "list").count
            let outcome = try Asnode.execute([Asnode.binary, "--data", asnode.data] + arguments, input: input)
            #expect(outcome.status == status && outcome.isOneLine, "\(outcome)")
            #expect(outcome.errors.hasPrefix("asnode: "))
            let issued = arguments.contains("/nowhere/x.ovpn") ? 1 : 0
            #expect(try asnode.rows("entries", "audit", "list").count == before + issued)
        }

        /// One node with one user for all wrong inputs.
        private static nonisolated(unsafe) let shared = Result {
            let asnode = try Asnode.made()
            try asnode.addUser("user1")
            return asnode
        }

        @Test("a profile is one file that its owner alone can read, with a remote for each port")
        func profile() throws {
            let asnode = try Asnode()
            let made = try asnode.run(
                "init", "--hostname", "vpn.example.com", "--listen", "udp:1194", "--listen", "udp:1200")
            #expect(made.status == 0)
            _ = try asnode.run("config", "set", "password.scrypt-cost", "14")
            try asnode.addUser("user1")
            let path = asnode.place + "/user1.ovpn"
            let issued = try asnode.json("profile", "issue", "user1", "--output", path)
            #expect(Set(issued.keys) == ["serial", "user", "kind", "notAfter", "file"])
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
            #expect(
                lines.filter { $0.hasPrefix("remote ") } == [
                    "remote vpn.example.com 1194 udp", "remote vpn.example.com 1200 udp",
                ])
            for wanted in [
                "resolv-retry infinite", "remote-cert-tls server", "connect-retry 1 8", "server-poll-timeout 2",
                "<tls-crypt-v2>",
            ] {
                #expect(lines.contains(wanted), "\(wanted)")
            }
            #expect(!lines.contains { $0.hasPrefix("persist-tun") })
            let printed = try asnode.run("profile", "issue", "user1")
            #expect(printed.output.hasPrefix("# OpenVPN profile") && printed.output.hasSuffix("</tls-crypt-v2>\n"))
        }

        @Test("profiles are listed and revoked by their serial number, in any spelling")
        func revoke() throws {
            let asnode = try Asnode.made()
            try asnode.addUser("user1")
            let issued = try asnode.json("profile", "issue", "user1")
            let serial = try #require(issued["serial"] as? String)
            #expect((issued["profile"] as? String)?.contains(serial) == true)
            let listed = try #require(try asnode.rows("profiles", "profile", "list").first)
            #expect(Set(listed.keys) == Self.profileKeys)
            #expect(try asnode.run("profile", "revoke", serial.uppercased()).status == 0)
            #expect(try asnode.run("profile", "revoke", serial).status == 0, "a second time changes nothing")
            let revoked = try #require(try asnode.rows("profiles", "profile", "list", "user1").first)
            #expect(Set(revoked.keys) == Self.profileKeys.union(["revokedAt", "revocationReason"]))
        }

        @Test("a removed user's profiles are revoked and stay listed")
        func removedUser() throws {
            let asnode = try Asnode.made()
            try asnode.addUser("user1")
            #expect(try asnode.run("profile", "issue", "user1").status == 0)
            #expect(try asnode.run("user", "remove", "user1").status == 0)
            let listed = try #require(try asnode.rows("profiles", "profile", "list").first)
            #expect(listed["revokedAt"] != nil && listed["user"] == nil)
            try asnode.addUser("user1")
            #expect(try asnode.rows("profiles", "profile", "list", "user1").isEmpty)
        }

        @Test("what cannot be written to standard output is an error")
        func fullOutput() throws {
            let asnode = try Asnode.made()
            let outcome = try Asnode.execute([
                "sh", "-c", "exec \"$0\" --data \"$1\" config list > /dev/full", Asnode.binary, asnode.data,
            ])
            #expect(outcome.status == 74 && outcome.isOneLine, "\(outcome)")
        }
    }
}
