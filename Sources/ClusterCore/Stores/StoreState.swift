/// Whether a store takes writes.
public struct StoreState: Hashable, Sendable {
    /// What is being done with the store as a whole.
    public enum Phase: String, Sendable, CaseIterable {
        /// In use.
        case ready
        /// It is being filled from another store or a backup; nobody else writes to it.
        case importing
        /// It was left for another store; nobody writes to it any more.
        case moving
    }

    /// What is being done.
    public var phase: Phase
    /// Where the cluster moves to, or where the rows come from: a URL without a password, or the name of a file, at
    /// most 1,024 bytes; `nil` while the store is ready.
    public var target: String?
    /// Since when, on the store's clock; ``Timestamp/epoch`` in a store that was never anything but ready.
    public var since: Timestamp

    /// Makes the state of its parts, which are explained at the properties.
    public init(phase: Phase, target: String? = nil, since: Timestamp) {
        self.phase = phase
        self.target = target
        self.since = since
    }

    /// What a writer is told that expected another phase.
    ///
    /// - Parameter expected: What the writer expected.
    /// - Returns: ``StorageError/Code/moving`` when the store is not ready; ``StorageError/Code/outdated`` when it is,
    ///   and the writer is one that moves or fills it.
    public func refusal(expecting expected: Phase) -> StorageError {
        let place = target.map { " (\($0))" } ?? ""
        switch phase {
        case .moving:
            return StorageError(
                .moving, "the store takes no writes: the cluster moves to another one\(place)",
                advice: "use that one when the move has ended, or undo it with `asnode storage copy --abort`")
        case .importing:
            return StorageError(
                .moving, "the store takes no writes: it is being filled from another one\(place)",
                advice: "wait until that has ended, or undo it with `asnode storage copy --abort`")
        case .ready:
            return StorageError(
                .outdated, "the store is ready and not \(expected.rawValue) any more",
                advice: "someone else has ended or undone that; look which store is in use")
        }
    }
}
