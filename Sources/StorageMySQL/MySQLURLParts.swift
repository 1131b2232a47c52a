internal import ClusterCore
internal import Foundation

/// A URL of the MySQL family, taken apart.
struct MySQLURLParts {
    var hosts: [MySQLAddress.Host]
    var database: String
    var user: String
    var password: String?
    var options: [String: String] = [:]

    /// - Parameter text: What follows `mysql://`.
    init(_ text: Substring) throws {
        guard text.utf8.count <= 8192 else { throw MySQLAddress.invalid("it is too long") }
        let (path, query) = Self.halves(text, at: text.firstIndex(of: "?"))
        let (authority, database) = Self.halves(path, at: path.firstIndex(of: "/"))
        let (login, servers) = Self.halves(authority, at: authority.lastIndex(of: "@"))
        guard let servers, let database, !database.contains("/"), !database.isEmpty else {
            throw MySQLAddress.invalid("user, host and database are needed")
        }
        let (user, password) = Self.halves(login, at: login.firstIndex(of: ":"))
        self.user = try Self.decoded(user, "the user")
        self.password = try password.map { try Self.decoded($0, "the password") }
        self.database = try Self.decoded(database, "the database")
        guard !self.user.isEmpty else { throw MySQLAddress.invalid("the user is missing") }
        hosts = try servers.split(separator: ",", omittingEmptySubsequences: false).map { try Self.host($0) }
        guard hosts.count <= 16 else { throw MySQLAddress.invalid("it names more than 16 hosts") }
        for option in (query ?? "").split(separator: "&") {
            let (name, value) = Self.halves(option, at: option.firstIndex(of: "="))
            guard let value, !value.isEmpty else { throw MySQLAddress.invalid("an option has no value") }
            let decodedName = try Self.decoded(name, "an option")
            guard options.updateValue(try Self.decoded(value, "an option"), forKey: decodedName) == nil else {
                throw MySQLAddress.invalid("an option is given twice")
            }
        }
    }

    private static func halves(_ text: Substring, at index: Substring.Index?) -> (Substring, Substring?) {
        guard let index else { return (text, nil) }
        return (text[..<index], text[text.index(after: index)...])
    }

    private static func decoded(_ text: Substring, _ what: String) throws -> String {
        guard let decoded = String(text).removingPercentEncoding, !decoded.utf8.contains(0) else {
            throw MySQLAddress.invalid("\(what) has a % that is not followed by two hexadecimal digits of UTF-8")
        }
        return decoded
    }

    private static func host(_ text: Substring) throws -> MySQLAddress.Host {
        var name = text
        var port: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw MySQLAddress.invalid("a bracket is not closed") }
            name = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else {
                throw MySQLAddress.invalid("a bracket is followed by something else than a port")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else {
            (name, port) = halves(text, at: text.firstIndex(of: ":"))
        }
        guard !name.isEmpty, name.utf8.count <= 255 else { throw MySQLAddress.invalid("a host has no name") }
        guard let number = UInt16(port ?? "3306"), number > 0 else {
            throw MySQLAddress.invalid("a port is a number from 1 to 65535")
        }
        return MySQLAddress.Host(name: try decoded(name, "a host"), port: number)
    }
}
