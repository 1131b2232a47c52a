internal import ClusterCore
internal import VPNFormats

/// What an operator does with the settings that all nodes share.
public struct SettingOperations: Sendable {
    private let session: OperatorSession
    private let hostNetworks: [InterfaceNetwork]

    /// Operations in a session.
    ///
    /// - Parameter hostNetworks: The networks that this machine is on, which client networks must not overlap.
    public init(_ session: OperatorSession, hostNetworks: [InterfaceNetwork] = []) {
        self.session = session
        self.hostNetworks = hostNetworks
    }

    /// One setting as it stands.
    public struct Entry: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// Its value as text.
        public var value: String
        /// What it is when nobody sets it.
        public var defaultValue: String
        /// Whether somebody set it.
        public var isSet: Bool
        /// What it does.
        public var summary: String
        /// What may be written.
        public var explanation: String
    }

    /// All settings.
    public func list() async throws -> Listing<Entry> {
        let read = try await session.backend.read { try $0.config.settings() }
        return Listing(
            rows: SettingDefinition.all.map { Self.entry($0, in: read.value) }, rejected: read.rejected)
    }

    /// One setting.
    ///
    /// - Throws: `OperationError` with `invalidArgument` when there is none of that name.
    public func get(_ name: String) async throws -> Entry {
        let definition = try Self.definition(name)
        return Self.entry(definition, in: try await session.backend.read { try $0.config.settings().value })
    }

    /// Gives settings values, all of them or none.
    ///
    /// - Throws: `OperationError` with `invalidArgument` when there is no such setting, it cannot have the value, or
    ///   the values contradict each other or the machine's networks.
    public func set(_ values: [String: String]) async throws {
        try await change { change in
            for (name, value) in values.sorted(by: { $0.key < $1.key }) { try change.set(name, to: value) }
        }
    }

    /// Sets a setting back to its default.
    ///
    /// - Throws: `OperationError` with `invalidArgument` when there is none of that name.
    public func unset(_ name: String) async throws {
        _ = try Self.definition(name)
        try await change { try $0.unset(name) }
    }

    /// What somebody set, by name: what ``replace(with:)`` takes.
    public func stored() async throws -> [String: String] {
        try await session.backend.read { try $0.config.settings().value.stored }
    }

    /// Makes the settings those of an earlier export: what it does not name goes back to its default.
    public func replace(with values: [String: String]) async throws {
        try await change { change in
            let present = try change.reader.config.settings().value.stored
            for name in present.keys.sorted() where values[name] == nil { try change.unset(name) }
            for (name, value) in values.sorted(by: { $0.key < $1.key }) { try change.set(name, to: value) }
        }
    }

    private func change(_ body: @escaping @Sendable (any ConfigurationChange) throws -> Void) async throws {
        let networks = hostNetworks
        do {
            try await session.change { change, _ in
                let before = try change.reader.config.settings().value
                try body(change)
                let after = try change.reader.config.settings().value
                try Self.checkTimes(after)
                if before[.clientNetworks] != after[.clientNetworks] {
                    try Self.checkNetworks(after[.clientNetworks], against: networks)
                }
            }
        } catch let error as SettingError {
            throw OperationError(.invalidArgument, "\(error); nothing was changed")
        }
    }

    /// Refuses client networks that the machine is on itself, or that overlap each other.
    static func checkNetworks(_ client: [IPPrefix], against host: [InterfaceNetwork]) throws(OperationError) {
        for network in client {
            for own in host where own.prefix.length > 0 && own.prefix.overlaps(network) {
                throw OperationError(
                    .invalidArgument,
                    "the client network \(network) overlaps \(own.prefix), which \(own.interface) of this machine is on; "
                        + "choose another network")
            }
        }
        for (index, network) in client.enumerated() {
            for other in client[..<index] where other.overlaps(network) {
                throw OperationError(.invalidArgument, "the client networks \(other) and \(network) overlap each other")
            }
        }
    }

    private static func checkTimes(_ settings: Settings) throws(OperationError) {
        let pairs: [(shorter: Setting<Duration>, longer: Setting<Duration>)] = [
            (.serverPing, .clientRestart), (.clientPing, .clientTimeout), (.mobilePing, .mobileRestart),
            (.mobilePing, .clientTimeout), (.tokenRenewal, .tokenLifetime),
        ]
        for pair in pairs where settings[pair.shorter] >= settings[pair.longer] {
            throw OperationError(
                .invalidArgument, "\(pair.shorter.name) must be shorter than \(pair.longer.name); nothing was changed")
        }
    }

    private static func definition(_ name: String) throws(OperationError) -> SettingDefinition {
        do {
            return try SettingDefinition.named(name)
        } catch {
            throw OperationError(.invalidArgument, "\(error)")
        }
    }

    private static func entry(_ definition: SettingDefinition, in settings: Settings) -> Entry {
        Entry(
            name: definition.name, value: settings.text(of: definition),
            defaultValue: definition.defaultText(in: settings.cluster), isSet: settings.stored[definition.name] != nil,
            summary: definition.summary, explanation: definition.explanation)
    }
}
