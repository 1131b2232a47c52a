internal import ClusterCore
internal import StorageBackends
internal import StorageSQL
internal import Synchronization

/// Where a check works: it makes a place of its own for each case, and removes it.
final class CheckPlace: Sendable {
    /// What a place is here.
    enum Kind: Hashable {
        /// A file, a database or a schema of its own.
        case namespace
        /// Tables with a prefix in the database that was named, where the user may not make a place of its own.
        case prefix
    }

    let kind: Kind
    let prefix: String
    private let url: DatabaseURL
    private let options: DatabaseOptions
    private let count = Atomic(0)

    /// Finds out what the user may do; blocks.
    ///
    /// - Parameter random: What keeps two checks apart.
    init(_ url: DatabaseURL, options: DatabaseOptions, random: UInt64) throws {
        self.url = url
        self.options = options
        let digits = String(random % 0x1_0000_0000, radix: 36)
        prefix = "c\(digits)x"
        do {
            let trial = try url.makeNamespace(prefix + "0", options: options)
            trial.remove()
            kind = .namespace
        } catch let error as StorageError where error.code == .permission && url.family != .sqlite {
            // Connecting was permitted if this is; else it is what it says.
            try url.connect(options: options).close()
            kind = .prefix
        }
    }

    /// For people.
    var description: String {
        switch (kind, url.family) {
        case (.namespace, .sqlite): "in files of their own beside it"
        case (.namespace, .mysql): "in databases of their own on the server"
        case (.namespace, .postgres): "in schemas of their own"
        case (.prefix, _): "in tables whose names begin with \(prefix), since the user may not make a place of its own"
        }
    }

    /// Makes an empty place for one case; blocks.
    ///
    /// - Parameter environment: Time and randomness, where they are not the system's.
    func make(_ environment: StorageEnvironment = .system) throws -> DatabaseNamespace {
        var options = options
        options.environment = environment
        let number = count.add(1, ordering: .relaxed).newValue
        if kind == .namespace { return try url.makeNamespace("\(prefix)\(number)", options: options) }
        let (url, prefix) = (url, "\(prefix)\(number)_")
        return DatabaseNamespace(
            name: prefix,
            connect: { [options] in PrefixedConnection(try url.connect(options: options), prefix: prefix) },
            remove: { [options] in url.removeTables(prefix: prefix, options: options) })
    }

    /// Removes what cases left behind that did not come to their end; blocks.
    func sweep() {
        if kind == .prefix { url.removeTables(prefix: prefix, options: options) }
    }
}
