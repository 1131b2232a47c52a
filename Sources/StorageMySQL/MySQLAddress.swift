internal import ClusterCore
internal import Foundation
public import StorageSQL

/// How a connection to a MySQL server is protected.
public enum MySQLTLSMode: String, Hashable, Sendable {
    /// Not at all.
    case disabled
    /// Encrypted where the server can; protects from listeners alone.
    case preferred
    /// Encrypted or not at all; the server's certificate is not looked at.
    case required
    /// The server's certificate must be signed by a known authority.
    case verifyCA = "verify_ca"
    /// And must be for the host that was named.
    case verifyIdentity = "verify_identity"
}

/// Where a database of the MySQL family is and how to get in.
///
/// `mysql://USER[:PASSWORD]@HOST[:PORT][,HOST2[:PORT2]…]/DATABASE[?OPTION=VALUE&…]`, or `mariadb://…`, which is the
/// same. Special characters are written as `%XX`; an IPv6 address stands in brackets. Options: `ssl-mode`
/// (``MySQLTLSMode``; by default `verify_identity`, for hosts that are this machine `preferred`), `ssl-ca`, `ssl-cert`,
/// `ssl-key` (PEM files), `connect-timeout` (seconds), `password-file` or `password-command` (``StorageSQL/PasswordSource``:
/// read anew at each connect, one line), `socket` (a path, in place of a local host's port), `hosts` (`ordered` or
/// `random`).
///
/// Its description has no password.
public struct MySQLAddress: Hashable, Sendable {
    /// A server.
    public struct Host: Hashable, Sendable {
        /// Name or address, without brackets.
        public var name: String
        /// TCP port, 1 to 65535.
        public var port: UInt16
    }

    /// The servers, in the order in which they are tried.
    public private(set) var hosts: [Host]
    /// The database.
    public package(set) var database: String
    /// Who gets in.
    public private(set) var user: String
    /// How the connection is protected.
    public private(set) var tls: MySQLTLSMode
    /// Whether the servers are tried in an order that changes from connect to connect.
    public private(set) var isRandom = false
    /// How long each host has to answer, when the URL says so.
    public private(set) var connectTimeout: Duration?
    /// A Unix socket in place of TCP.
    public private(set) var socket: String?
    private(set) var authorities: String?
    private(set) var certificate: String?
    private(set) var key: String?
    /// Where the password comes from, anew at each connect.
    public private(set) var password: PasswordSource

    /// Reads a URL.
    ///
    /// - Returns: `nil` when it is the URL of another sort of database.
    /// - Throws: ``ClusterCore/StorageError`` with `invalid`; the message has no password in it.
    public init?(url: String) throws {
        guard let scheme = ["mysql://", "mariadb://"].first(where: { url.hasPrefix($0) }) else { return nil }
        var parts = try MySQLURLParts(url.dropFirst(scheme.count))
        hosts = parts.hosts
        database = parts.database
        user = parts.user
        password = try PasswordSource(
            password: parts.password, file: parts.options.removeValue(forKey: "password-file"),
            command: parts.options.removeValue(forKey: "password-command"))
        tls = hosts.allSatisfy { Self.isLocal($0.name) } ? .preferred : .verifyIdentity
        try read(&parts.options)
        guard (certificate == nil) == (key == nil) else {
            throw Self.invalid("ssl-cert and ssl-key come together")
        }
        guard socket == nil || isLocal else { throw Self.invalid("socket is for localhost alone") }
    }

    private mutating func read(_ options: inout [String: String]) throws {
        if let text = options.removeValue(forKey: "ssl-mode") {
            guard let mode = MySQLTLSMode(rawValue: text.lowercased()) else {
                throw Self.invalid("ssl-mode is disabled, preferred, required, verify_ca or verify_identity")
            }
            tls = mode
        }
        if let text = options.removeValue(forKey: "connect-timeout") {
            guard let seconds = Int(text), (1...3600).contains(seconds) else {
                throw Self.invalid("connect-timeout is a number of seconds, 1 to 3600")
            }
            connectTimeout = .seconds(seconds)
        }
        if let text = options.removeValue(forKey: "hosts") {
            guard ["ordered", "random"].contains(text) else { throw Self.invalid("hosts is ordered or random") }
            isRandom = text == "random"
        }
        authorities = options.removeValue(forKey: "ssl-ca")
        certificate = options.removeValue(forKey: "ssl-cert")
        key = options.removeValue(forKey: "ssl-key")
        socket = options.removeValue(forKey: "socket")
        guard options.isEmpty else {
            throw Self.invalid(
                "it has an option that is not known; known are ssl-mode, ssl-ca, ssl-cert, ssl-key, "
                    + "connect-timeout, password-file, password-command, socket and hosts")
        }
    }

    /// Whether every host is this machine.
    package var isLocal: Bool { hosts.allSatisfy { Self.isLocal($0.name) } }

    private static func isLocal(_ name: String) -> Bool {
        if name == "localhost" || name == "::1" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil } && parts[0] == "127"
    }

    static func invalid(_ why: String) -> StorageError {
        StorageError(
            .invalid, "this is no URL of a MySQL or MariaDB database: \(why)",
            advice: "write mysql://USER@HOST/DATABASE, with special characters as %XX")
    }
}

extension MySQLAddress: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// User, hosts and database, without password and options.
    public var description: String {
        "mysql://\(user)@\(hosts.map(\.description).joined(separator: ","))/\(database)"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The same as ``description``: dumps show no password either.
    public var customMirror: Mirror { Mirror(self, children: ["address": description]) }
}

extension MySQLAddress.Host: CustomStringConvertible {
    /// `name:port`, with brackets around an IPv6 address.
    public var description: String { name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)" }
}
