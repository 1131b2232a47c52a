internal import ClusterCore

extension CertificateRecord: AuthenticatedStoredRow {
    static let table = "certificates"
    static let columns = [
        "serial", "kind", "common_name", "user_id", "profile", "not_before", "not_after", "der", "private_key",
        "issued_at", "revoked_at", "revocation_reason", "version",
    ]
    static let selection = makeSelection()

    var values: [SQLValue] {
        [
            .blob(serial.bytes), .text(kind.rawValue), .text(commonName), .blob(user?.bytes), .text(profile?.rawValue),
            .integer(notBefore.microseconds), .integer(notAfter.microseconds), .blob(der), .blob(privateKey?.bytes),
            .integer(issuedAt.microseconds), .integer(revocation?.at.microseconds),
            .text(revocation?.reason.rawValue), .integer(version),
        ]
    }

    init(from row: inout RowReader) throws {
        self.init(
            serial: try row.bytes { bytes in CertificateSerial(bytes: bytes).flatMap { $0.bytes == bytes ? $0 : nil } },
            kind: try row.text { Kind(rawValue: $0) }, commonName: try row.text(),
            user: try row.optionalBytes { UserID(bytes: $0) },
            profile: try row.optionalText { ProfileKind(rawValue: $0) }, notBefore: try row.timestamp(),
            notAfter: try row.timestamp(), der: try row.bytes(), privateKey: try row.optionalBytes { SealedValue($0) },
            issuedAt: try row.timestamp())
        let revokedAt = try row.optionalTimestamp()
        let reason = try row.optionalText { Revocation.Reason(rawValue: $0) }
        guard (revokedAt == nil) == (reason == nil) else { throw row.malformed() }
        if let revokedAt, let reason { revocation = Revocation(at: revokedAt, reason: reason) }
        version = try row.integer()
    }
}
