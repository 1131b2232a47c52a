extension DataDirectory {
    /// What is put behind the name of a settings file that a copy replaces.
    static let beforeCopySuffix = ".before-copy"

    /// Has the node use another database from its next start on. The file is replaced as a whole; the old one stays
    /// beside it, as `node.yaml.before-copy`.
    ///
    /// - Parameter url: The database's URL, or `nil` for the file in the directory.
    /// - Returns: Whether the file named another one before.
    /// - Throws: `OperationError`.
    @discardableResult
    public func setDatabase(_ url: String?) async throws(OperationError) -> Bool {
        let lock = try lockForSetup()
        defer { withExtendedLifetime(lock) {} }
        var settings = try await NodeSettings.load(from: self, environment: [:])
        guard settings.databaseURL != url else { return false }
        if let old = try read(Self.settingsName, limitBytes: NodeSettings.fileLimitBytes) {
            try write(Self.settingsName + Self.beforeCopySuffix, old)
        }
        settings.databaseURL = url
        try write(Self.settingsName, Array(settings.fileText().utf8))
        return true
    }
}
