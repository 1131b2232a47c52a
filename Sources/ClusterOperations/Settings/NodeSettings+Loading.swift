internal import Configuration
internal import VPNFormats

extension NodeSettings {
    /// The most that a `node.yaml` may hold, in bytes.
    static let fileLimitBytes = 65_536
    /// The names that a `node.yaml` may hold.
    static let keys: Set<String> = [
        "id", "cluster", "name", "listen", "public-addresses", "device", "egress", "database", "log-level",
    ]

    /// Reads the settings of the node in a data directory; environment variables win over the file.
    ///
    /// - Parameters:
    ///   - directory: The data directory.
    ///   - environment: The process's environment; the names begin with `ASNODE_`.
    /// - Throws: `OperationError` with `configuration` that says what is wrong with the file or the environment.
    public static func load(
        from directory: DataDirectory, environment: [String: String]
    ) async throws(OperationError) -> NodeSettings {
        let path = directory.file(DataDirectory.settingsName)
        guard let bytes = try directory.read(DataDirectory.settingsName, limitBytes: fileLimitBytes) else {
            throw OperationError(
                .configuration, "there is no node in \(directory.path); make one: asnode --data \(directory.path) init")
        }
        try checkKeys(bytes, path: path)
        let settings: NodeSettings
        do {
            settings = try await read(path, environment: environment)
        } catch let error as OperationError {
            throw OperationError(.configuration, "\(path): \(error.message)")
        } catch {
            throw OperationError(.configuration, "\(path) cannot be read: \(error); mend it or restore it from a copy")
        }
        do {
            try settings.check()
        } catch {
            throw OperationError(
                error.code == .unavailable ? .unavailable : .configuration, "\(path): \(error.message)")
        }
        return settings
    }

    private static func read(_ path: String, environment: [String: String]) async throws -> NodeSettings {
        let file = try await FileProvider<YAMLSnapshot>(
            config: ConfigReader(
                provider: InMemoryProvider(values: ["filePath": ConfigValue(.string(path), isSecret: false)])))
        let variables = EnvironmentVariablesProvider(
            environmentVariables: environment.filter { $0.key.uppercased().hasPrefix("ASNODE_") && !$0.value.isEmpty })
        let own = ConfigReader(provider: file)
        let all = ConfigReader(providers: [variables.prefixKeys(with: "asnode"), file])
        return NodeSettings(
            nodeID: try await own.fetchRequiredString(forKey: "id"),
            clusterID: try await own.fetchRequiredString(forKey: "cluster"),
            name: try await all.fetchRequiredString(forKey: "name"),
            listen: try await values(of: "listen", in: all) ?? defaultListen,
            publicAddresses: try await values(of: "public-addresses", in: all) ?? [],
            device: try await all.fetchString(forKey: "device") ?? defaultDevice,
            egress: try await egress(in: all),
            databaseURL: try await all.fetchString(forKey: "database"),
            logLevel: try await all.fetchString(forKey: "log-level") ?? defaultLogLevel)
    }

    private static func values<Value: LosslessStringConvertible>(
        of key: String, in reader: ConfigReader
    ) async throws -> [Value]? {
        guard let texts = try await reader.fetchStringArray(forKey: ConfigKey(key)) else { return nil }
        return try texts.map { text in
            guard let value = Value(text) else {
                throw OperationError(
                    .configuration, "\(key) holds \"\(text.prefix(64))\", which is no address of that kind")
            }
            return value
        }
    }

    private static func egress(in reader: ConfigReader) async throws -> Egress {
        guard let text = try await reader.fetchString(forKey: "egress") else { return .nat }
        guard let egress = Egress(rawValue: text) else {
            throw OperationError(.configuration, "egress is \"\(text.prefix(64))\"; write nat or route")
        }
        return egress
    }

    /// Refuses names that mean nothing, so that a slip of the pen is not silently the default.
    private static func checkKeys(_ bytes: [UInt8], path: String) throws(OperationError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw OperationError(.configuration, "\(path) is not UTF-8 text; restore it from a copy")
        }
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard let first = line.unicodeScalars.first, first.properties.isAlphabetic,
                let colon = line.firstIndex(of: ":")
            else { continue }
            let key = String(line[..<colon])
            guard keys.contains(key) else {
                throw OperationError(
                    .configuration,
                    "\(path) line \(number + 1): \"\(key.prefix(64))\" is not a setting; there are \(keys.sorted().joined(separator: ", "))"
                )
            }
        }
    }
}
