import ClusterCore
import Foundation
import StorageBackends
import StorageSQL

/// What a worker process is told, in its environment: a URL may hold a password.
struct WorkerPlan: Codable, Sendable {
    static let variable = "CHAOS_WORKER"

    var url: String
    var slot: Int
    /// How many processes had the slot before.
    var incarnation: Int
    var seed: UInt64
    var journal: String
    /// A mistake that it makes on purpose, so that the referee can be seen to find it.
    var mistake: Mistake?
}

/// Mistakes of a store, or of those who use it, that the referee must find.
enum Mistake: String, Codable, CaseIterable, Sendable {
    /// Acknowledges before it is written.
    case acknowledgesEarly = "acknowledge-early"
    /// Acknowledges some things and never writes them.
    case dropsWrites = "drop-writes"
    /// Takes some answers for lost and writes again under a new marker.
    case writesTwice = "write-twice"
    /// Tells of a refusal, but has written.
    case refusesWrongly = "refuse-wrongly"
    /// Adds to what it read in an earlier transaction, whatever the version is now.
    case losesUpdates = "lose-updates"
    /// Goes on with whatever epoch is in the store.
    case ignoresFence = "ignore-fence"
    /// Writes one change as two.
    case tearsChanges = "tear-changes"
    /// Writes what the journal does not know of.
    case forgetsJournal = "forget-journal"
}

extension DatabaseOptions {
    /// How workers and the referee open a store: impatient, so that they see many faults in a short time.
    static func chaos(patience: Duration) throws -> DatabaseOptions {
        let key = try ClusterKey(bytes: [UInt8](repeating: 7, count: 32))
        return DatabaseOptions(
            authenticator: ClusterRowAuthenticator(key: key, clusterID: Names.cluster), readers: 2, writers: 3,
            connectTimeout: .seconds(2), statementTimeout: .seconds(4), lockTimeout: .seconds(2),
            retry: RetryPolicy(tries: 50, time: patience))
    }
}
