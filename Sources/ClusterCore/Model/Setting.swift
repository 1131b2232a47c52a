/// One setting of the cluster: its name, what it means, which values it may have, and what it is when nobody set it.
///
/// The settings are static members of this type (``Setting/hostname`` and others); ``SettingDefinition/all`` lists
/// them without their types, for a command line.
public struct Setting<Value: Hashable & Sendable>: Sendable {
    /// The name in the store and on the command line, for instance `push.dns-servers`.
    public let name: String
    /// What it does, for a person.
    public let summary: String
    /// How its values are written.
    public let syntax: SettingSyntax<Value>
    private let makeDefault: @Sendable (ClusterID) -> Value

    init(_ name: String, _ syntax: SettingSyntax<Value>, default value: Value, _ summary: String) {
        self.init(name, syntax, summary, makeDefault: { _ in value })
    }

    init(
        _ name: String, _ syntax: SettingSyntax<Value>, _ summary: String,
        makeDefault: @escaping @Sendable (ClusterID) -> Value
    ) {
        self.name = name
        self.summary = summary
        self.syntax = syntax
        self.makeDefault = makeDefault
    }

    /// What it is in a cluster where nobody set it.
    public func defaultValue(in cluster: ClusterID) -> Value { makeDefault(cluster) }

    /// The value that a text means.
    ///
    /// - Throws: ``SettingError`` when it is none that the setting may have.
    public func value(of text: String) throws(SettingError) -> Value {
        guard let value = syntax.parse(text) else {
            throw SettingError(name: name, reason: "this is not \(syntax.explanation)")
        }
        return value
    }

    /// The text of a value, in the one form that is stored.
    ///
    /// - Throws: ``SettingError`` when the setting may not have the value.
    public func text(of value: Value) throws(SettingError) -> String {
        let text = syntax.print(value)
        guard syntax.parse(text) == value else {
            throw SettingError(name: name, reason: "this is not \(syntax.explanation)")
        }
        return text
    }

    /// The setting without its type.
    public var definition: SettingDefinition {
        SettingDefinition(
            name: name, summary: summary, explanation: syntax.explanation,
            normalise: { text throws(SettingError) in try self.text(of: try self.value(of: text)) },
            defaultText: { syntax.print(makeDefault($0)) })
    }
}

/// A setting without the type of its values.
public struct SettingDefinition: Sendable {
    /// The name in the store and on the command line.
    public let name: String
    /// What it does, for a person.
    public let summary: String
    /// What a person may write as its value.
    public let explanation: String
    private let normalise: @Sendable (String) throws(SettingError) -> String
    private let defaultText: @Sendable (ClusterID) -> String

    init(
        name: String, summary: String, explanation: String,
        normalise: @escaping @Sendable (String) throws(SettingError) -> String,
        defaultText: @escaping @Sendable (ClusterID) -> String
    ) {
        self.name = name
        self.summary = summary
        self.explanation = explanation
        self.normalise = normalise
        self.defaultText = defaultText
    }

    /// The form of a text that is stored.
    ///
    /// - Throws: ``SettingError`` when it is no value that the setting may have.
    public func normalised(_ text: String) throws(SettingError) -> String { try normalise(text) }

    /// What the setting is, as text, in a cluster where nobody set it.
    public func defaultText(in cluster: ClusterID) -> String { defaultText(cluster) }

    /// The definition of a name.
    ///
    /// - Throws: ``SettingError`` when there is no such setting; it names the nearest ones.
    public static func named(_ name: String) throws(SettingError) -> SettingDefinition {
        if let definition = byName[name] { return definition }
        let word = name.split(whereSeparator: { ".-_".contains($0) }).last.map { String($0) } ?? name
        let near = all.map(\.name).filter { !word.isEmpty && $0.contains(word) }
        let hint = near.isEmpty ? "`config list` lists all settings" : "did you mean " + near.joined(separator: ", ")
        throw SettingError(name: String(name.prefix(64)), reason: "there is no such setting; \(hint)")
    }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}

/// The settings of a cluster as a value: what was set, and the defaults of the rest.
public struct Settings: Hashable, Sendable {
    /// The cluster, which some defaults are made from.
    public let cluster: ClusterID
    /// What was set, by name, in stored form; what has no definition here (a newer version wrote it) is among it.
    public let stored: [String: String]

    /// - Parameters:
    ///   - cluster: The cluster, which some defaults are made from.
    ///   - stored: What was set, by name.
    public init(cluster: ClusterID, stored: [String: String] = [:]) {
        self.cluster = cluster
        self.stored = stored
    }

    /// The value of a setting: what was set if that can be read, else the default.
    public subscript<Value>(_ setting: Setting<Value>) -> Value {
        stored[setting.name].flatMap { setting.syntax.parse($0) } ?? setting.defaultValue(in: cluster)
    }

    /// The value of a setting as text.
    public func text(of definition: SettingDefinition) -> String {
        guard let text = stored[definition.name], let valid = try? definition.normalised(text) else {
            return definition.defaultText(in: cluster)
        }
        return valid
    }

    /// What is stored and cannot be used, for a log or a check: values that are none, and names without a definition.
    public var problems: [SettingError] {
        stored.keys.sorted().compactMap { name in
            do throws(SettingError) {
                _ = try SettingDefinition.named(name).normalised(stored[name] ?? "")
                return nil
            } catch {
                return error
            }
        }
    }
}
