import Foundation

/// The checked-out repository that this test was built from.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Every file below `folders` whose name ends so, sorted by path; hidden folders and build products are left out.
    static func files(in folders: [String], endingIn suffixes: [String]) throws -> [SourceText] {
        try folders.flatMap { folder in
            let top = root.appendingPathComponent(folder)
            guard let walk = FileManager.default.enumerator(at: top, includingPropertiesForKeys: nil) else {
                return [SourceText]()
            }
            return try walk.compactMap { try text(of: $0, endingIn: suffixes) }
        }
        .sorted { $0.path < $1.path }
    }

    /// The Swift files of all targets, read once.
    static func swiftSources() throws -> [SourceText] { try cachedSources.get() }

    private static let cachedSources = Result { try files(in: ["Sources"], endingIn: [".swift"]) }

    /// Text that a reader of the project meets: code, documents, scripts, settings.
    static func readableFiles() throws -> [SourceText] {
        let top = try FileManager.default.contentsOfDirectory(at: root, includingPropertiesForKeys: nil)
        let endings = [
            ".swift", ".md", ".c", ".h", ".sh", ".yaml", ".yml", ".json", ".modulemap", "Makefile", ".swift-format",
        ]
        return try files(
            in: ["Sources", "Tests", "docs", "scripts", "Examples", "Fuzz", "Benchmarks"], endingIn: endings)
            + top.compactMap { try text(of: $0, endingIn: endings) }
    }

    private static func text(of item: Any, endingIn suffixes: [String]) throws -> SourceText? {
        guard let url = item as? URL, suffixes.contains(where: url.lastPathComponent.hasSuffix),
            try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true
        else { return nil }
        let path = url.standardizedFileURL.path.dropFirst(root.standardizedFileURL.path.count + 1)
        guard !path.contains("/.build/") else { return nil }
        return SourceText(path: String(path), text: try String(contentsOf: url, encoding: .utf8))
    }
}
