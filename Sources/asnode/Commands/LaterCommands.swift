internal import ArgumentParser

/// A command that a node on SQLite alone does not have: its name is known, the answer is one line.
protocol LaterCommand: ParsableCommand {
    /// The command's name.
    static var name: String { get }
    /// What is typed after the name; taken so that the answer is always the same.
    var rest: [String] { get }
}

extension LaterCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: name, abstract: "Not supported yet.", shouldDisplay: false)
    }

    func run() throws {
        throw Failure(.unavailable, "'\(Self.name)' is not supported yet")
    }
}

/// The commands that are known by name only.
enum LaterCommands {
    static let all: [any ParsableCommand.Type] = [
        Group.self, Rule.self, Cluster.self, Node.self, DNS.self, Failover.self,
    ]

    struct Group: LaterCommand {
        static let name = "group"
        @Argument(parsing: .allUnrecognized) var rest: [String] = []
    }

    struct Rule: LaterCommand {
        static let name = "rule"
        @Argument(parsing: .allUnrecognized) var rest: [String] = []
    }

    struct Cluster: LaterCommand {
        static let name = "cluster"
        @Argument(parsing: .allUnrecognized) var rest: [String] = []
    }

    struct Node: LaterCommand {
        static let name = "node"
        @Argument(parsing: .allUnrecognized) var rest: [String] = []
    }

    struct DNS: LaterCommand {
        static let name = "dns"
        @Argument(parsing: .allUnrecognized) var rest: [String] = []
    }

    struct Failover: LaterCommand {
        static let name = "failover"
        @Argument(parsing: .allUnrecognized) var rest: [String] = []
    }
}
