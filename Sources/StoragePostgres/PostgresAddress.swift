internal import CPostgres
internal import ClusterCore
internal import Glibc
public import StorageSQL

/// Where a PostgreSQL database is and how to get in: a URL as libpq takes it
/// (https://www.postgresql.org/docs/current/libpq-connect.html, section 34.1.1), with safe defaults.
///
/// `postgres://USER[:PASSWORD]@HOST[:PORT][,HOST2…]/DATABASE[?OPTION=VALUE&…]`. Options are libpq's own, those that name
/// files (`passfile`, `sslrootcert`, `sslcert`, `sslkey`) being read anew at each connect, and these:
///
/// - `password-file=PATH`, `password-command=PROGRAM%20ARGUMENT…`: see ``StorageSQL/PasswordSource``.
/// - `prepared-statements=off`, for poolers in transaction mode; there are no notifications then.
/// - `load_balance_hosts=random`: of several hosts another one each time, not the first that answers.
///
/// Differing from libpq, `sslmode` is `verify-full` by default for hosts that are not local, a standby is no server to connect
/// to unless `target_session_attrs` says so and of several hosts one that takes writes is looked for, `connect_timeout` (seconds, 1 to 3600) covers each host with the resolving of its name, and
/// `gssencmode` is off unless it is asked for.
///
/// Its description has no password.
public struct PostgresAddress: Hashable, Sendable {
    /// A server.
    struct Host: Hashable, Sendable {
        /// A name, an address, or the directory of a socket.
        var name: String
        /// Where the name leads to, when the URL says so.
        var address: String?
        /// TCP port, 1 to 65535; `nil` for the default.
        var port: UInt16?
    }

    /// libpq's parameters by name, without those that are empty and those that differ from connect to connect.
    package private(set) var parameters: [String: String]
    /// Where the password comes from; libpq looks into its password file where there is none.
    public private(set) var password: PasswordSource
    /// Whether statements are prepared once on each connection.
    public private(set) var preparesStatements = true
    /// How long each host has to answer, when the URL says so.
    public private(set) var connectTimeout: Duration?
    /// The servers, in their order.
    private(set) var hosts: [Host] = []
    /// Whether they are tried in an order that is drawn at each connect.
    private(set) var isRandom = false

    /// Where Debian and its relatives keep the authorities that a system trusts.
    private static let systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    /// Reads a URL.
    ///
    /// - Returns: `nil` when it is the URL of another sort of database.
    /// - Throws: ``ClusterCore/StorageError`` with `invalid` when it is not one that libpq understands; the message
    ///   has nothing of the URL in it.
    public init?(url: String) throws {
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") else { return nil }
        var options = try PostgresURLOptions(url)
        preparesStatements = try options.choice("prepared-statements", ["on", "off"]) != "off"
        isRandom = try options.choice("load_balance_hosts", ["disable", "random"]) == "random"
        parameters = try Self.parse(options.rest)
        password = try PasswordSource(
            password: parameters.removeValue(forKey: "password"), file: options.take("password-file"),
            command: options.take("password-command"))
        guard parameters["dbname"] != nil else { throw Self.invalid("it names no database") }
        guard parameters["target_session_attrs"] != "prefer-standby" else {
            throw Self.invalid("target_session_attrs=prefer-standby looks for a server that takes no writes")
        }
        connectTimeout = try takeConnectTimeout()
        hosts = try takeHosts()
        addDefaults()
    }

    private static func parse(_ url: String) throws -> [String: String] {
        // The library's own message quotes the URL with its password, so it is thrown away.
        var message: UnsafeMutablePointer<CChar>?
        let parsed = PQconninfoParse(url, &message)
        defer {
            PQfreemem(message)
            PQconninfoFree(parsed)
        }
        guard var option = parsed else {
            throw invalid("libpq cannot read it; special characters in a password are written as %XX")
        }
        var parameters: [String: String] = [:]
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { parameters[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return parameters.filter { !$0.value.isEmpty }
    }

    private mutating func takeConnectTimeout() throws -> Duration? {
        guard let text = parameters.removeValue(forKey: "connect_timeout") else { return nil }
        guard let seconds = Int(text), (1...3600).contains(seconds) else {
            throw Self.invalid("connect_timeout is a number of seconds, 1 to 3600")
        }
        return .seconds(seconds)
    }

    private mutating func takeHosts() throws -> [Host] {
        func list(_ name: String) -> [String] {
            guard let text = parameters.removeValue(forKey: name) else { return [] }
            return text.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
        }
        let (addresses, ports) = (list("hostaddr"), list("port"))
        var names = list("host")
        if names.isEmpty { names = addresses }
        // libpq would take its default from here too, but would then not be told apart from a local host.
        if names.isEmpty { names = [getenv("PGHOST").map { String(cString: $0) } ?? "/var/run/postgresql"] }
        guard addresses.isEmpty || addresses.count == names.count, ports.count <= 1 || ports.count == names.count,
            names.count <= 64, !names.contains("")
        else { throw Self.invalid("its hosts, addresses and ports do not fit together") }
        return try names.enumerated().map { index, name in
            let port = ports.count == 1 ? ports[0] : ports.isEmpty ? "" : ports[index]
            let number = UInt16(port)
            guard port.isEmpty || (number ?? 0) > 0 else { throw Self.invalid("a port is a number, 1 to 65535") }
            return Host(name: name, address: addresses.isEmpty ? nil : addresses[index], port: number)
        }
    }

    /// Whether every host is this machine.
    package var isLocal: Bool { hosts.allSatisfy(\.isLocal) }

    private mutating func addDefaults() {
        let defaults = [
            "sslmode": isLocal ? "prefer" : "verify-full", "gssencmode": "disable", "application_name": "asnode",
            // A server that vanished without a word is noticed though nothing is sent.
            "tcp_user_timeout": "15000", "keepalives_idle": "15",
            // What a standby says may be old.
            "target_session_attrs": hosts.count > 1 ? "read-write" : "primary",
        ]
        parameters.merge(defaults) { given, _ in given }
        parameters["client_encoding"] = "UTF8"
        let verifies = parameters["sslmode"]?.hasPrefix("verify") == true
        if verifies, parameters["sslrootcert"] == nil, access(Self.systemAuthorities, R_OK) == 0 {
            parameters["sslrootcert"] = Self.systemAuthorities
        }
    }

    static func invalid(_ why: String) -> StorageError {
        StorageError(
            .invalid, "this is no URL of a PostgreSQL database: \(why)",
            advice: "write postgres://USER@HOST/DATABASE, with options as libpq names them")
    }
}

extension PostgresAddress.Host {
    /// Whether it is the directory of a socket, or the name of an abstract one.
    var isSocket: Bool { name.hasPrefix("/") || name.hasPrefix("@") }

    /// Whether it is this machine: a socket, or a loopback address.
    fileprivate var isLocal: Bool {
        if isSocket { return true }
        guard let address else { return name == "localhost" || Self.isLoopback(name) }
        return Self.isLoopback(address)
    }

    private static func isLoopback(_ host: String) -> Bool {
        var address = in_addr()
        if inet_pton(AF_INET, host, &address) == 1 { return UInt32(bigEndian: address.s_addr) >> 24 == 127 }
        return host == "::1"
    }
}

extension PostgresAddress.Host: CustomStringConvertible {
    /// `name:port`, with brackets around an IPv6 address.
    var description: String {
        let shown = name.contains(":") ? "[\(name)]" : name
        return port.map { "\(shown):\($0)" } ?? shown
    }
}

extension PostgresAddress: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// User, hosts and database, without password and options.
    public var description: String {
        let user = parameters["user"].map { "\($0)@" } ?? ""
        let named = hosts.map(\.description).joined(separator: ",")
        return "postgres://\(user)\(named)/\(parameters["dbname"] ?? "")"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The same as ``description``: dumps show no password either.
    public var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}
