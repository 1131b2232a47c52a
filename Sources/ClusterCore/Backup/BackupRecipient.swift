internal import Crypto

/// Who may open the cluster's key in a backup: a P-256 public key.
public struct BackupRecipient: Sendable {
    let key: P256.KeyAgreement.PublicKey

    /// Reads a public key.
    ///
    /// - Parameter pem: A PEM block `PUBLIC KEY`, as `openssl pkey -pubout` writes it.
    /// - Throws: ``SecretsError`` with `malformedKey`.
    public init(pem: String) throws(SecretsError) {
        guard let key = try? P256.KeyAgreement.PublicKey(pemRepresentation: pem) else {
            throw SecretsError(.malformedKey, "a recipient is a P-256 public key in PEM form (BEGIN PUBLIC KEY)")
        }
        self.key = key
    }
}

/// The private key of a ``BackupRecipient``. Shows its bytes nowhere.
public struct BackupIdentity: Sendable, CustomStringConvertible, CustomReflectable {
    let key: P256.KeyAgreement.PrivateKey

    /// Reads a private key.
    ///
    /// - Parameter pem: A PEM block `PRIVATE KEY` or `EC PRIVATE KEY`, as `openssl genpkey` writes it.
    /// - Throws: ``SecretsError`` with `malformedKey`, without any of the text.
    public init(pem: String) throws(SecretsError) {
        guard let key = try? P256.KeyAgreement.PrivateKey(pemRepresentation: pem) else {
            throw SecretsError(.malformedKey, "an identity is a P-256 private key in PEM form (BEGIN PRIVATE KEY)")
        }
        self.key = key
    }

    /// Who it is the private key of.
    public var recipient: BackupRecipient { BackupRecipient(key: key.publicKey) }

    /// The name of the type; never the key.
    public var description: String { "BackupIdentity(redacted)" }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension BackupRecipient {
    init(key: P256.KeyAgreement.PublicKey) { self.key = key }
}
