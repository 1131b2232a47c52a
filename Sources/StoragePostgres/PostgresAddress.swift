internal import CPostgres
internal import ClusterCore
internal import Glibc

/// Where a PostgreSQL database is and how to get in: a URL as libpq takes it
/// (https://www.postgresql.org/docs/current/libpq-connect.html, section 34.1.1), with safe defaults.
///
/// `postgres://USER[:PASSWORD]@HOST[:PORT][,HOST2…]/DATABASE[?OPTION=VALUE&…]`. Options are libpq's own, read anew at
/// each connect where they name files (`passfile`, `sslrootcert`, `sslcert`, `sslkey`), and one more:
/// `prepared-statements=off`, for poolers in transaction mode. Differing from libpq, `sslmode` is `verify-full` by
/// default for hosts that are not local, and of several hosts one that takes writes is looked for.
///
/// Its description has no password.
public struct PostgresAddress: Hashable, Sendable {
    /// libpq's parameters by name, without those that are empty.
    package private(set) var parameters: [String: String]
    /// Whether statements are prepared once on each connection.
    public private(set) var preparesStatements = true

    private static let ownOption = "prepared-statements"
    /// Where Debian and its relatives keep the authorities that a system trusts.
    private static let systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    /// Reads a URL.
    ///
    /// - Returns: `nil` when it is the URL of another sort of database.
    /// - Throws: ``ClusterCore/StorageError`` with `invalid` when it is not one that libpq understands; the message
    ///   has nothing of the URL in it.
    public init?(url: String) throws {
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") else { return nil }
        guard !url.utf8.contains(0) else { throw Self.invalid("it has a NUL in it") }
        let (rest, own) = Self.split(url)
        switch own {
        case nil, "on": preparesStatements = true
        case "off": preparesStatements = false
        default: throw Self.invalid("prepared-statements is on or off")
        }
        parameters = try Self.parse(rest)
        guard parameters["dbname"] != nil else { throw Self.invalid("it names no database") }
        addDefaults()
    }

    /// Takes the option that is not libpq's out of a URL.
    private static func split(_ url: String) -> (String, String?) {
        guard let mark = url.firstIndex(of: "?") else { return (url, nil) }
        var own: String?
        let options = url[url.index(after: mark)...].split(separator: "&").filter { option in
            guard option.hasPrefix("\(ownOption)=") else { return true }
            own = String(option.dropFirst(ownOption.count + 1))
            return false
        }
        let rest = options.isEmpty ? "" : "?" + options.joined(separator: "&")
        return (url[..<mark] + rest, own)
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

    private mutating func addDefaults() {
        if parameters["sslmode"] == nil { parameters["sslmode"] = isLocal ? "prefer" : "verify-full" }
        let verifies = parameters["sslmode"]?.hasPrefix("verify") == true
        if verifies, parameters["sslrootcert"] == nil, access(Self.systemAuthorities, R_OK) == 0 {
            parameters["sslrootcert"] = Self.systemAuthorities
        }
        if hosts.count > 1, parameters["target_session_attrs"] == nil {
            parameters["target_session_attrs"] = "read-write"
        }
    }

    private var hosts: [Substring] {
        (parameters["host"] ?? parameters["hostaddr"] ?? "").split(separator: ",")
    }

    /// Whether every host is this machine: a socket, or a loopback address.
    private var isLocal: Bool {
        hosts.allSatisfy { host in
            host.hasPrefix("/") || host.hasPrefix("@") || host == "localhost" || host == "::1"
                || Self.isLoopback(host)
        }
    }

    private static func isLoopback(_ host: Substring) -> Bool {
        var address = in_addr()
        guard inet_pton(AF_INET, String(host), &address) == 1 else { return false }
        return UInt32(bigEndian: address.s_addr) >> 24 == 127
    }

    private static func invalid(_ why: String) -> StorageError {
        StorageError(
            .invalid, "this is no URL of a PostgreSQL database: \(why)",
            advice: "write postgres://USER@HOST/DATABASE, with options as libpq names them")
    }
}

extension PostgresAddress: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// User, hosts and database, without password and options.
    public var description: String {
        let user = parameters["user"].map { "\($0)@" } ?? ""
        let ports = (parameters["port"] ?? "").split(separator: ",", omittingEmptySubsequences: false)
        let named = hosts.enumerated().map { index, host in
            let port = ports.indices.contains(index) ? ports[index] : ports.first ?? ""
            let shown = host.contains(":") ? "[\(host)]" : "\(host)"
            return port.isEmpty ? shown : "\(shown):\(port)"
        }
        return "postgres://\(user)\(named.joined(separator: ","))/\(parameters["dbname"] ?? "")"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The same as ``description``: dumps show no password either.
    public var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}
