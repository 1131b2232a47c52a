internal import VPNProtocol

extension TLSObject {
    /// Bytes of plaintext that one record may have (RFC 8446 section 5.1).
    private static let maximumRecordBytes = 16_384

    /// Carries out one command of a session and gathers what came of it.
    ///
    /// - Returns: Nil where nothing came of it.
    func perform(_ command: TLSCommand) -> TLSOutput? {
        let wasEstablished = self.state == .established
        switch command {
        case .open, .close:
            break
        case .feed(let bytes):
            self.feed(bytes)
            self.step()
        case .write(let message):
            _ = self.write(message)
        }
        var output = TLSOutput()
        if !wasEstablished, self.state == .established { output.status = self.establishedStatus() }
        while let record = self.readRecord() { output.records.append(record) }
        switch self.state {
        case .handshaking, .established: break
        case .failed(let failure): output.status = .failed(failure.message)
        case .closed: output.status = .failed("closed by the client")
        }
        while case let bytes = self.drainCiphertext(max: 65_536), !bytes.isEmpty { output.ciphertext += bytes }
        if case .unchanged = output.status, output.records.isEmpty, output.ciphertext.isEmpty { return nil }
        return output
    }

    private func establishedStatus() -> TLSOutput.Status {
        guard
            let dataKeys = self.exportKeyingMaterial(
                label: KeyMaterial.exporterLabel, length: KeyMaterial.byteCount),
            let dynamicWrap = self.exportKeyingMaterial(
                label: KeyMaterial.dynamicTLSCryptLabel, length: KeyMaterial.byteCount),
            let certificate = self.peerCertificateDER, let version = self.version
        else { return .failed("no key material") }
        return .established(
            TLSFacts(
                dataKeyMaterial: dataKeys, dynamicWrapMaterial: dynamicWrap, peerCertificate: certificate,
                version: version.description))
    }

    /// One record's plaintext, in one piece.
    private func readRecord() -> [UInt8]? {
        guard var record = self.read() else { return nil }
        while self.hasRestOfRecord, record.count < Self.maximumRecordBytes, let rest = self.read() { record += rest }
        return record
    }
}
