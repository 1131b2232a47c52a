internal import CLinuxIO
internal import Glibc
public import VPNFormats

/// What the packet filter is to do for one tunnel interface.
public struct EgressRules: Sendable, Hashable {
    /// The tunnel's interface.
    public var device: String
    /// Networks of clients whose packets leave under the node's own addresses, by every interface but the tunnel's.
    public var masquerade: [IPPrefix]
    /// Whether packets that the kernel would pass from client to client, back into the tunnel, are dropped.
    public var dropsClientToClient: Bool

    /// Makes rules.
    public init(device: String, masquerade: [IPPrefix], dropsClientToClient: Bool) {
        self.device = device
        self.masquerade = masquerade
        self.dropsClientToClient = dropsClientToClient
    }

    /// The table's name: `asnode_` and the device, with what a table's name cannot hold replaced by `_`.
    public var table: String {
        "asnode_" + String(device.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }

    /// The rules as `nft` reads them: one transaction that replaces the table as a whole.
    ///
    /// Other tables' chains see the packets too, and one that drops what this one lets pass wins: accepting here only
    /// spares later rules of this chain.
    var script: String {
        let sources = masquerade.map { prefix in
            """
                    oifname != "\(device)" \(prefix.address.isIPv4 ? "ip" : "ip6") saddr \(prefix) masquerade

            """
        }
        let isolation = dropsClientToClient ? "        iifname \"\(device)\" oifname \"\(device)\" drop\n" : ""
        return """
            table inet \(table) { }
            delete table inet \(table)
            table inet \(table) {
                chain postrouting {
                    type nat hook postrouting priority srcnat; policy accept;
            \(sources.joined())    }
                chain forward {
                    type filter hook forward priority filter; policy accept;
            \(isolation)        iifname "\(device)" accept
                    oifname "\(device)" accept
                }
            }

            """
    }
}

/// The packet filter's part of the way out: an nftables table of its own for a tunnel interface, installed at start and
/// taken away at the end. No other table is read or touched.
///
/// Not sendable. The table stays when the process is killed; the next start replaces it.
public final class NATEgress {
    /// What is installed.
    public private(set) var rules: EgressRules
    private var isInstalled = true

    /// Where Debian and others have the program. `PATH` is not asked: it belongs to whoever starts the process.
    private static let programs = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"]

    /// Installs the rules. A table of that name, left by a process that was killed, is replaced.
    ///
    /// - Throws: ``NetworkError``: `.toolFailed` when `nft` is missing or refuses, `.permission`, `.invalidArgument`.
    public init(_ rules: EgressRules) throws(NetworkError) {
        self.rules = rules
        try Self.install(rules)
    }

    deinit {
        if isInstalled { try? Self.delete(table: rules.table) }
    }

    /// Replaces the rules in one step: no packet meets half of them.
    ///
    /// - Throws: As `init`; the old rules stay in force then. `.invalidArgument` if the device differs.
    public func update(_ rules: EgressRules) throws(NetworkError) {
        guard rules.device == self.rules.device, isInstalled else {
            throw NetworkError(.invalidArgument, "the packet filter's rules belong to \(self.rules.device)")
        }
        try Self.install(rules)
        self.rules = rules
    }

    /// Takes the table away. A second call does nothing.
    ///
    /// - Throws: ``NetworkError`` `.toolFailed`, `.permission`; the table may be there still.
    public func remove() throws(NetworkError) {
        guard isInstalled else { return }
        try Self.delete(table: rules.table)
        isInstalled = false
    }

    private static func install(_ rules: EgressRules) throws(NetworkError) {
        guard TunDevice.isValid(name: rules.device), !rules.device.contains("%") else {
            throw NetworkError(.invalidArgument, "\"\(rules.device)\" is no interface name that rules can be made for")
        }
        try run(rules.script, "cannot set up the packet filter for \(rules.device)")
    }

    /// Declares the table before it deletes it, so that a table that is gone already is no error.
    private static func delete(table: String) throws(NetworkError) {
        try run(
            "table inet \(table) { }\ndelete table inet \(table)\n", "cannot remove the packet filter's table \(table)")
    }

    private static func run(_ script: String, _ action: String) throws(NetworkError) {
        guard let program = programs.first(where: { unsafe access($0, X_OK) == 0 }) else {
            throw NetworkError(.toolFailed, "\(action): nft is not installed; apt-get install nftables")
        }
        let (status, text) = execute(program, script)
        if status == 0 { return }
        if status < 0 { throw .system("\(action): \(program) does not start", -status) }
        let reason = text.split(separator: "\n").first.map { String($0.prefix(200)) } ?? "exit status \(status)"
        if text.contains("Operation not permitted") {
            throw NetworkError(
                .permission, errorNumber: EPERM, "\(action): not permitted; needs root or the capability CAP_NET_ADMIN")
        }
        throw NetworkError(.toolFailed, "\(action): nft says: \(reason)")
    }

    private static func execute(_ program: String, _ script: String) -> (status: CInt, errorText: String) {
        var error = [CChar](repeating: 0, count: 4_096)
        let input = Array(script.utf8)
        let capacity = error.count
        let status = unsafe program.withCString { path in
            unsafe "-f".withCString { file in
                unsafe "-".withCString { dash in
                    let arguments: [UnsafePointer<CChar>?] = unsafe [path, file, dash, nil]
                    return unsafe clinuxio_run(path, arguments, input, input.count, &error, capacity)
                }
            }
        }
        let bytes = error.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return (status, String(decoding: bytes, as: UTF8.self))
    }
}
