import Crypto
import VPNFormats

/// Authenticates rows of one cluster with HMAC-SHA256 under a key that is derived from the cluster key and used for
/// nothing else.
///
/// A code is `format (1 byte = 1) ‖ cluster key id (8) ‖ HMAC (32)`.
public struct ClusterRowAuthenticator: RowAuthenticator {
    private static let format: UInt8 = 1
    private let prefix: [UInt8]
    private let key: SymmetricKey

    /// Authenticates the rows of one cluster under one cluster key.
    public init(key: ClusterKey, clusterID: ClusterID) {
        self.key = key.derivedKey(purpose: "row codes", clusterID: clusterID)
        prefix = [Self.format] + key.id.bytes
    }

    /// The code of a row: 41 bytes.
    public func code(for row: AuthenticatedRow) -> [UInt8] {
        prefix + Array(HMAC<SHA256>.authenticationCode(for: row.bytes, using: key))
    }

    /// Whether a code is that of a row; compared in a time that does not depend on where it differs.
    public func isValid(_ code: [UInt8], for row: AuthenticatedRow) -> Bool {
        constantTimeEquals(code, self.code(for: row))
    }
}

extension ClusterRowAuthenticator: CustomStringConvertible, CustomReflectable {
    /// The name of the type; never the key.
    public var description: String { "ClusterRowAuthenticator(redacted)" }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
