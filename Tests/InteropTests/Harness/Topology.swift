import Foundation
import Glibc

/// A small internet in network namespaces of this machine:
///
///     c1 ──┐                                    ┌── h1   host on the LAN inside
///     c2 ──┼─ brout ── rt (router) ── brmid ── n1 (the node) ── brin
///
/// Clients stand behind a router, so that a full tunnel needs its host route to the node. The bridges lie in a namespace
/// of their own: the machine's bridge netfilter and addresses would otherwise swallow packets. Everything exists for IPv4
/// and IPv6. Names carry the process id, so that runs do not meet; what a killed run left behind is removed by the next.
final class Topology {
    /// Addresses are the same in every topology: namespaces do not see each other.
    enum Address {
        static let node4 = "203.0.113.1"
        static let node6 = "2001:db8:2::1"
        static let host4 = "10.99.0.2"
        static let host6 = "fd99::2"
        static func client4(_ number: Int) -> String { "198.51.100.\(10 + number)" }
        static func client6(_ number: Int) -> String { "2001:db8:1::\(10 + number)" }
    }

    /// The name that profiles carry; each client namespace resolves it by a hosts file of its own.
    static let hostName = "vpn.example.net"

    let clients: [String]
    let node: String
    let host: String
    let directory: String
    private let prefix: String
    private let router: String
    private let bridges: String
    nonisolated(unsafe) private static var serial = 0

    private var namespaces: [String] { clients + [router, node, host, bridges] }

    /// Builds a topology, runs `body`, and takes everything down again whatever happened.
    static func with<Answer>(clients: Int = 1, _ body: (Topology) throws -> Answer) throws -> Answer {
        try Command.requireComponents()
        removeLeftovers()
        let topology = try Topology(clients: clients)
        defer { topology.tearDown() }
        try topology.build()
        return try body(topology)
    }

    private init(clients count: Int) throws {
        Self.serial += 1
        prefix = "asnt\(getpid())-\(Self.serial)-"
        let prefix = self.prefix
        clients = (1...count).map { "\(prefix)c\($0)" }
        node = prefix + "n1"
        host = prefix + "h1"
        router = prefix + "rt"
        bridges = prefix + "sw"
        directory = NSTemporaryDirectory() + prefix + "files"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    /// A file below this topology's own folder.
    func file(_ name: String) -> String { "\(directory)/\(name)" }

    /// The words that run a program inside `namespace`; the program replaces them, so its process id is the one started.
    func inside(_ namespace: String, _ arguments: [String]) -> [String] {
        ["ip", "netns", "exec", namespace] + arguments
    }

    /// What `hostName` means to programs started in `namespace` from now on.
    func resolve(to addresses: [String], in namespace: String) throws {
        let folder = "/etc/netns/\(namespace)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let lines = ["127.0.0.1 localhost"] + addresses.map { "\($0) \(Self.hostName)" }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: folder + "/hosts"))
    }

    // MARK: Building

    private func build() throws {
        for namespace in namespaces {
            try ip("netns", "add", namespace)
            try ip("-n", namespace, "link", "set", "lo", "up")
        }
        for bridge in ["brout", "brmid", "brin"] {
            try ip("-n", bridges, "link", "add", bridge, "type", "bridge")
            try ip("-n", bridges, "link", "set", bridge, "up")
        }
        for (index, client) in clients.enumerated() {
            try plug(client, "out", into: "brout", label: "c\(index + 1)")
            try address(
                client, "out", ["\(Address.client4(index + 1))/24", "\(Address.client6(index + 1))/64"])
            try defaultRoute(client, "198.51.100.1", "2001:db8:1::1")
            try resolve(to: [Address.node4, Address.node6], in: client)
        }
        try plug(router, "out", into: "brout", label: "rt")
        try plug(router, "mid", into: "brmid", label: "rtmid")
        try address(router, "out", ["198.51.100.1/24", "2001:db8:1::1/64"])
        try address(router, "mid", ["203.0.113.254/24", "2001:db8:2::fe/64"])
        try forward(router)
        try plug(node, "mid", into: "brmid", label: "n1mid")
        try plug(node, "in", into: "brin", label: "n1in")
        try resolve(to: [Address.node4, Address.node6], in: node)
        try address(node, "mid", ["\(Address.node4)/24", "\(Address.node6)/64"])
        try address(node, "in", ["10.99.0.1/24", "fd99::1/64"])
        try defaultRoute(node, "203.0.113.254", "2001:db8:2::fe")
        try plug(host, "in", into: "brin", label: "h1")
        try address(host, "in", ["\(Address.host4)/24", "\(Address.host6)/64"])
        try defaultRoute(host, "10.99.0.1", "fd99::1")
    }

    private func plug(_ namespace: String, _ name: String, into bridge: String, label: String) throws {
        try ip("link", "add", name, "netns", namespace, "type", "veth", "peer", "name", "p-\(label)", "netns", bridges)
        try ip("-n", bridges, "link", "set", "p-\(label)", "master", bridge, "up")
        try ip("-n", namespace, "link", "set", name, "up")
    }

    private func address(_ namespace: String, _ name: String, _ addresses: [String]) throws {
        for address in addresses {
            let noDetection = address.contains(":") ? ["nodad"] : []
            try Command.check(["ip", "-n", namespace, "addr", "add", address, "dev", name] + noDetection)
        }
    }

    private func defaultRoute(_ namespace: String, _ gateway4: String, _ gateway6: String) throws {
        try ip("-n", namespace, "route", "add", "default", "via", gateway4)
        try ip("-n", namespace, "-6", "route", "add", "default", "via", gateway6)
    }

    private func forward(_ namespace: String) throws {
        try Command.check(
            inside(namespace, ["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]))
    }

    private func ip(_ arguments: String...) throws {
        try Command.check(["ip"] + arguments)
    }

    // MARK: Taking down

    private func tearDown() {
        for namespace in namespaces { Self.remove(namespace) }
        if ProcessInfo.processInfo.environment["KEEP_FILES"] == nil {
            try? FileManager.default.removeItem(atPath: directory)
        }
    }

    /// Kills what still runs inside, then removes the namespace; its interfaces go with it.
    private static func remove(_ namespace: String) {
        let listed = (try? Command.run(["ip", "netns", "pids", namespace]))?.output ?? ""
        for pid in listed.split(separator: "\n").compactMap({ pid_t($0) }) { kill(pid, SIGKILL) }
        _ = try? Command.run(["ip", "netns", "del", namespace])
        try? FileManager.default.removeItem(atPath: "/etc/netns/\(namespace)")
    }

    /// Namespaces of test processes that no longer live.
    private static func removeLeftovers() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/run/netns")) ?? []
        for name in names where name.hasPrefix("asnt") {
            guard let owner = pid_t(name.dropFirst(4).prefix { $0 != "-" }), kill(owner, 0) != 0 else { continue }
            remove(name)
        }
    }
}
