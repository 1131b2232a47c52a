/// Reads the certificates that the cluster issued, with their revocations.
public protocol CertificateReader {
    /// The certificate with a serial, or `nil`.
    func certificate(_ serial: CertificateSerial) throws -> CertificateRecord?

    /// The certificates of a user, the newest first; those of a removed user are still there.
    func certificates(of user: UserID) throws -> Checked<[CertificateRecord]>

    /// The certificates of a kind, the newest first: those of the authority and of the server are few.
    func certificates(_ kind: CertificateRecord.Kind) throws -> Checked<[CertificateRecord]>

    /// All certificates in the byte order of their serials.
    ///
    /// - Parameters:
    ///   - serial: Only certificates after this one; `nil` begins with the first.
    ///   - limit: How many rows to read, 1 to ``StorageLimits/pageRows``.
    func certificates(
        after serial: CertificateSerial?, limit: Int
    ) throws -> Page<CertificateRecord, CertificateSerial>
}
