internal import ClusterCore

/// Reads certificates from their table.
struct SQLCertificateReader: CertificateReader {
    let transaction: SQLTransaction

    func certificate(_ serial: CertificateSerial) throws -> CertificateRecord? {
        try transaction.one(CertificateRecord.self, where: "serial = ?", [.blob(serial.bytes)])
    }

    func certificates(of user: UserID) throws -> Checked<[CertificateRecord]> {
        try newest("user_id = ?", .blob(user.bytes))
    }

    func certificates(_ kind: CertificateRecord.Kind) throws -> Checked<[CertificateRecord]> {
        try newest("kind = ?", .text(kind.rawValue))
    }

    func certificates(
        after serial: CertificateSerial?, limit: Int
    ) throws -> Page<CertificateRecord, CertificateSerial> {
        try transaction.page(
            CertificateRecord.self, "WHERE serial > ? ORDER BY serial", [.blob(serial?.bytes ?? [])], limit: limit
        ) { raw in
            if case .blob(let bytes) = raw[0] { CertificateSerial(bytes: bytes) } else { nil }
        }
    }

    private func newest(_ condition: String, _ value: SQLValue) throws -> Checked<[CertificateRecord]> {
        try transaction.all(
            CertificateRecord.self,
            "WHERE \(condition) ORDER BY issued_at DESC, serial LIMIT \(StorageLimits.batchRows)", [value])
    }
}
