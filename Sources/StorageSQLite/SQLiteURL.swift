internal import ClusterCore
internal import Foundation

/// The URL of a SQLite file: `sqlite:///var/lib/asnode/cluster.db`.
public enum SQLiteURL {
    /// The file that a URL names.
    ///
    /// - Returns: The absolute path, or `nil` when it is the URL of another sort of database.
    /// - Throws: ``ClusterCore/StorageError`` with `invalid` when it names no absolute path, or has options, of which
    ///   SQLite has none.
    public static func path(of url: String) throws -> String? {
        guard url.hasPrefix("sqlite:") else { return nil }
        let rest = url.dropFirst("sqlite:".count)
        guard rest.hasPrefix("///"), !rest.contains(where: { $0 == "?" || $0 == "#" }),
            let path = rest.dropFirst(2).removingPercentEncoding, !path.unicodeScalars.contains("\0"),
            !path.hasSuffix("/")
        else {
            throw StorageError(
                .invalid, "this is no URL of a SQLite file", advice: "write sqlite:///PATH with an absolute path")
        }
        return path
    }

    /// The URL of a file.
    ///
    /// - Parameter path: An absolute path.
    public static func url(of path: String) -> String {
        let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "/-._~"))
        return "sqlite://" + (path.addingPercentEncoding(withAllowedCharacters: allowed) ?? path)
    }
}
