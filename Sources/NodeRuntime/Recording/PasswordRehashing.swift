internal import ClusterCore
internal import Logging
internal import Synchronization

/// Makes new verifiers of passwords that were just right, when the settings ask for a higher cost than the stored ones
/// have.
final class PasswordRehashing: Sendable {
    private struct Job {
        let password: String
        let user: UserID
        let cost: ScryptCost
    }

    /// How many jobs wait at most; those beyond are made at a later login.
    private static let limit = 64
    private let backend: any StorageBackend
    private let sealer: Sealer
    private let hashing: HashingPool
    private let actor: AuditActor
    private let logger: Logger
    private let jobs: AsyncStream<Job>
    private let continuation: AsyncStream<Job>.Continuation

    init(backend: any StorageBackend, sealer: Sealer, hashing: HashingPool, actor: AuditActor, logger: Logger) {
        self.backend = backend
        self.sealer = sealer
        self.hashing = hashing
        self.actor = actor
        self.logger = logger
        (jobs, continuation) = AsyncStream.makeStream(of: Job.self, bufferingPolicy: .bufferingOldest(Self.limit))
    }

    /// Takes a password that was right a moment ago.
    func request(_ password: String, of user: UserID, cost: ScryptCost) {
        continuation.yield(Job(password: password, user: user, cost: cost))
    }

    /// Works until the task is cancelled.
    func run() async {
        for await job in jobs {
            do {
                try await make(job)
            } catch {
                logger.warning(
                    "a password could not be hashed anew; it is tried at the next login",
                    metadata: ["user": "\(job.user)", "error": "\(error)"])
            }
        }
    }

    /// Writes a new verifier, unless the password was changed meanwhile.
    private func make(_ job: Job) async throws {
        guard let old = try await backend.read({ try $0.accounts.user(job.user) })?.passwordVerifier,
            try sealer.openVerifier(old, of: job.user).needsRehash(wanted: job.cost)
        else { return }
        let sealer = sealer
        let made = await hashing.run { () -> SealedValue? in
            var random = SystemRandomNumberGenerator()
            guard let verifier = try? PasswordVerifier.make(password: job.password, cost: job.cost, using: &random)
            else {
                return nil
            }
            return try? sealer.seal(verifier, of: job.user, using: &random)
        }
        guard case .some(.some(let sealed)) = made else { return }
        let actor = actor
        try await backend.write { writer in
            guard var user = try writer.reader.accounts.user(job.user), user.passwordVerifier == old else { return }
            user.passwordVerifier = sealed
            let wanted = user
            try writer.change(by: actor) { _ = try $0.update(wanted) }
        }
    }
}
