import VPNFormats

// Where the sealed values of the stores lie. Names of tables and columns are part of what is authenticated: they stay as
// they are here even where a backend names its tables otherwise.

extension SealedPlace {
    /// The verifier of a user's password.
    public static func passwordVerifier(of user: UserID) -> SealedPlace {
        SealedPlace(purpose: .passwordVerifier, table: "users", row: user.bytes, column: "password_verifier")
    }

    /// The private key of a certificate.
    public static func privateKey(of serial: CertificateSerial) -> SealedPlace {
        SealedPlace(purpose: .privateKey, table: "certificates", row: serial.bytes, column: "private_key")
    }

    /// A secret that the nodes share. Its purpose is part of its place.
    public static func secret(_ id: SecretID, purpose: SecretPurpose) -> SealedPlace {
        SealedPlace(
            purpose: SealingPurpose(name: "shared-secret " + purpose.rawValue), table: "secrets", row: id.bytes,
            column: "value")
    }
}

extension Sealer {
    /// Seals the verifier of a user's password for the user's row.
    ///
    /// - Throws: ``SecretsError`` as ``seal(_:at:using:)``.
    public func seal(
        _ verifier: PasswordVerifier, of user: UserID, using random: inout some RandomNumberGenerator
    ) throws(SecretsError) -> SealedValue {
        try sealedValue(Array(verifier.encoded().utf8), at: .passwordVerifier(of: user), using: &random)
    }

    /// Opens the verifier of a user's password.
    ///
    /// - Throws: ``SecretsError`` as ``open(_:at:)``, and `malformedValue` when what was sealed is no verifier.
    public func openVerifier(_ value: SealedValue, of user: UserID) throws(SecretsError) -> PasswordVerifier {
        let place = SealedPlace.passwordVerifier(of: user)
        let text = String(decoding: try open(value.bytes, at: place), as: UTF8.self)
        guard let verifier = PasswordVerifier(encoded: text) else {
            throw SecretsError(.malformedValue, "the value in \(place) is no password verifier: set the password anew")
        }
        return verifier
    }

    /// Seals a private key for its certificate's row.
    ///
    /// - Throws: ``SecretsError`` as ``seal(_:at:using:)``.
    public func seal(
        _ key: SigningKey, of serial: CertificateSerial, using random: inout some RandomNumberGenerator
    ) throws(SecretsError) -> SealedValue {
        try sealedValue(key.rawBytes, at: .privateKey(of: serial), using: &random)
    }

    /// Opens the private key of a certificate.
    ///
    /// - Throws: ``SecretsError`` as ``open(_:at:)``, and `malformedValue` when what was sealed is no private key.
    public func openKey(_ value: SealedValue, of serial: CertificateSerial) throws(SecretsError) -> SigningKey {
        let place = SealedPlace.privateKey(of: serial)
        let bytes = try open(value.bytes, at: place)
        do throws(PKIError) {
            return try SigningKey(rawBytes: bytes)
        } catch {
            throw SecretsError(.malformedValue, "the value in \(place) is no P-256 private key")
        }
    }

    /// Makes the rows of the secrets that all nodes share, with new ids.
    ///
    /// - Throws: ``SecretsError`` as ``seal(_:at:using:)``.
    public func seal(
        _ secrets: SharedSecrets, createdAt: Timestamp, using random: inout some RandomNumberGenerator
    ) throws(SecretsError) -> [SealedSecret] {
        let values: [(SecretPurpose, [UInt8])] = [
            (.tlsCryptV2Server, secrets.tlsCryptV2.bytes), (.tlsCrypt, secrets.tlsCrypt.bytes),
            (.authToken, secrets.authToken.bytes), (.cookie, secrets.cookie),
        ]
        var rows: [SealedSecret] = []
        for (purpose, bytes) in values {
            let id = SecretID(using: &random)
            let value = try sealedValue(bytes, at: .secret(id, purpose: purpose), using: &random)
            rows.append(SealedSecret(id: id, purpose: purpose, value: value, createdAt: createdAt))
        }
        return rows
    }

    /// Opens a secret that the nodes share.
    ///
    /// - Throws: ``SecretsError`` as ``open(_:at:)``.
    public func open(_ secret: SealedSecret) throws(SecretsError) -> [UInt8] {
        try open(secret.value.bytes, at: .secret(secret.id, purpose: secret.purpose))
    }

    private func sealedValue(
        _ plaintext: [UInt8], at place: SealedPlace, using random: inout some RandomNumberGenerator
    ) throws(SecretsError) -> SealedValue {
        guard let value = SealedValue(try seal(plaintext, at: place, using: &random)) else {
            throw SecretsError(.tooLong, "a value for \(place) is too long")
        }
        return value
    }
}
