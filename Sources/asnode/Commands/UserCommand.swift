internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations

struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "The people who may connect.",
        subcommands: [Add.self, List.self, Show.self, Set.self, Passwd.self, TOTP.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add a user.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The user's name.", valueName: "NAME")) var name: String
        @OptionGroup var password: PasswordInput
        @Flag(help: "The user may administer the cluster.") var admin = false
        @Flag(help: "The user may have profiles that connect without a password.") var autoLogin = false
        @Option(help: .hidden) var group: String?

        func run() async throws {
            guard group == nil else { throw Failure(.unavailable, "groups are not supported yet") }
            let user = try await Workplace.operate(global.directory) { session, _ in
                try await UserOperations(session).add(
                    name, password: try password.read(for: name), isAdmin: admin, allowsAutoLogin: autoLogin)
            }
            if global.json { return try StandardOutput.print(json: ["user": UserDocument(user)]) }
            print("Added the user \(user.name). Next: asnode profile issue \(user.name) --output \(user.name).ovpn")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the users.")
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let list = try await Workplace.operate(global.directory) { session, _ in
                try await UserOperations(session).list()
            }
            list.warn()
            if global.json { return try StandardOutput.print(json: ["users": list.rows.map(UserDocument.init)]) }
            var table = Table("NAME", "ENABLED", "ADMIN", "AUTO-LOGIN", "PASSWORD", "ADDED")
            for user in list.rows {
                table.add(
                    user.name, yes(user.isEnabled), yes(user.isAdmin), yes(user.allowsAutoLogin),
                    user.passwordVerifier == nil ? "none" : "set", time(user.createdAt))
            }
            table.show(ifEmpty: "There are no users; add one: asnode user add NAME")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a user with profiles and sessions.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The user's name.", valueName: "NAME")) var name: String

        func run() async throws {
            let details = try await Workplace.operate(global.directory) { session, _ in
                try await UserOperations(session).details(of: name)
            }
            if global.json { return try StandardOutput.print(json: UserDetailsDocument(details)) }
            let user = details.user
            print("name        \(user.name)")
            print("enabled     \(yes(user.isEnabled))")
            print("admin       \(yes(user.isAdmin))")
            print("auto-login  \(yes(user.allowsAutoLogin))")
            print("password    \(user.passwordVerifier == nil ? "none" : "set")")
            print("added       \(time(user.createdAt))")
            print("profiles    \(details.certificates.count { $0.revocation == nil }) valid")
            print("sessions    \(details.sessions.count) live")
            if let failures = details.failures {
                print("failures    \(failures.count) wrong passwords, the last at \(time(failures.lastAt))")
                if let until = failures.lockedUntil, until > details.readAt {
                    print("locked      until \(time(until)); asnode user set \(user.name) --unlock")
                }
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Change what a user may do.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The user's name.", valueName: "NAME")) var name: String
        @Flag(inversion: .prefixedEnableDisable, exclusivity: .exclusive, help: "Whether the user may log in.")
        var login: Bool?
        @Flag(inversion: .prefixedNo, exclusivity: .exclusive, help: "Whether the user may administer the cluster.")
        var admin: Bool?
        @Flag(
            inversion: .prefixedNo, exclusivity: .exclusive,
            help: "Whether the user may have profiles that connect without a password.")
        var autoLogin: Bool?
        @Flag(help: "Forget wrong passwords and end a lock that came of them.") var unlock = false

        func run() async throws {
            let changes = UserOperations.Changes(
                isEnabled: login, isAdmin: admin, allowsAutoLogin: autoLogin, unlocks: unlock)
            guard !changes.isEmpty else {
                throw Failure(
                    .usage,
                    "nothing to change; give --enable-login, --disable-login, --admin, --no-admin, --auto-login, "
                        + "--no-auto-login or --unlock")
            }
            let user = try await Workplace.operate(global.directory) { session, _ in
                try await UserOperations(session).change(name, changes)
            }
            if global.json { return try StandardOutput.print(json: ["user": UserDocument(user)]) }
            print("Changed the user \(user.name).")
        }
    }

    struct Passwd: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give a user a new password.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The user's name.", valueName: "NAME")) var name: String
        @OptionGroup var password: PasswordInput

        func run() async throws {
            try await Workplace.operate(global.directory) { session, _ in
                let operations = UserOperations(session)
                _ = try await operations.details(of: name)
                try await operations.setPassword(of: name, to: try password.read(for: name))
            }
            if !global.json { print("Changed the password of \(name).") }
        }
    }

    struct TOTP: LaterCommand {
        static let name = "totp"
        @Argument(parsing: .allUnrecognized) var rest: [String] = []
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a user, revoke the user's profiles and end the user's sessions.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The user's name.", valueName: "NAME")) var name: String

        func run() async throws {
            try await Workplace.operate(global.directory) { session, _ in
                try await UserOperations(session).remove(name)
            }
            if !global.json { print("Removed the user \(name).") }
        }
    }
}
