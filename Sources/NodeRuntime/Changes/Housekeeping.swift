internal import ClusterCore
internal import Logging

/// What has to be done now and then: old records are removed, expired certificates end their sessions, and the servers'
/// certificate is renewed.
struct Housekeeping: Sendable {
    /// How often sessions are looked at for expired certificates.
    static let reviewInterval = Duration.seconds(10)
    /// How many rounds of that lie between two rounds of removing.
    static let roundsPerPruning = 60
    /// How many rows one transaction removes.
    static let pruningBatch = 1000

    let backend: any StorageBackend
    let authorizer: SnapshotAuthorizer
    let renewal: ServerCertificateRenewal
    let logger: Logger

    /// Works until the task is cancelled.
    func run() async {
        var round = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.reviewInterval)
            guard !Task.isCancelled else { return }
            authorizer.review()
            round += 1
            guard round % Self.roundsPerPruning == 1 else { continue }
            do {
                try await prune()
                try await renewal.renewIfDue(authorizer.snapshot)
            } catch {
                logger.warning("old records could not be removed; tried again later", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Removes what is older than the settings say.
    func prune() async throws {
        let settings = authorizer.snapshot.settings
        let (log, audit) = (settings[.connectionLogRetention], settings[.auditRetention])
        if log > .zero {
            try await batches { try $0.sessions.pruneConnectionLog(endedBefore: $0.now() - log, limit: $1) }
        }
        if audit > .zero { try await batches { try $0.pruneAuditLog(before: $0.now() - audit, limit: $1) } }
        try await batches { try $0.accounts.pruneTokenRefusals(expiredBefore: $0.now(), limit: $1) }
    }

    private func batches(_ remove: @escaping @Sendable (any StorageWriter, Int) throws -> Int) async throws {
        var removed = Self.pruningBatch
        while removed == Self.pruningBatch, !Task.isCancelled {
            removed = try await backend.write { try remove($0, Self.pruningBatch) }
        }
    }
}

/// Issues a new certificate for the servers before the present one ends.
struct ServerCertificateRenewal: Sendable {
    let backend: any StorageBackend
    let sealer: Sealer
    let actor: AuditActor
    let logger: Logger

    /// Renews when less than a third of the certificate's life is left, or less than 30 days of a long one.
    func renewIfDue(_ snapshot: Snapshot) async throws {
        let present = snapshot.server.certificate
        let life = present.notAfter.elapsed(since: present.notBefore)
        guard snapshot.readAt >= present.notAfter - min(life / 3, .seconds(30 * 86_400)) else { return }
        let (sealer, actor) = (sealer, actor)
        let serial = try await backend.write { writer -> CertificateSerial? in
            let newest = try writer.certificates.certificates(.server).value.first { $0.revocation == nil }
            // Another node may have been first.
            guard newest?.serial == present.serial else { return nil }
            let authority = try CertificateAuthority.load(from: writer.reader, sealer: sealer)
            let settings = try writer.config.settings().value
            let now = try writer.now()
            var random = SystemRandomNumberGenerator()
            let key = SigningKey.generate()
            let hostname = settings[.hostname]
            let issued = try authority.issueServer(
                name: present.commonName, hostNames: hostname.isEmpty ? [] : [hostname], key: key, now: now,
                validity: CertificateValidity(settings[.serverCertificateLifetime]), using: &random)
            let sealed = try sealer.seal(key, of: issued.serial, using: &random)
            let record = issued.record(as: .server, privateKey: sealed, issuedAt: now)
            try writer.change(by: actor) { try _ = $0.add(record) }
            return issued.serial
        }
        if let serial { logger.notice("the servers' certificate is renewed", metadata: ["serial": "\(serial)"]) }
    }
}
