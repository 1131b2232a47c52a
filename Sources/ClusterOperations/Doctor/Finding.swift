/// What one check of the doctor found.
public struct Finding: Sendable, Hashable {
    /// How bad it is.
    public enum State: String, Sendable, Hashable {
        /// As it should be.
        case ok
        /// The node works, but not as it should or not for long.
        case warn
        /// The node cannot work.
        case fail
    }

    /// The check's name: stable, for scripts.
    public var check: String
    /// How bad it is.
    public var state: State
    /// What was found, one line.
    public var summary: String
    /// How to mend it; `nil` when there is nothing to mend.
    public var advice: String?

    /// All is well.
    static func ok(_ check: String, _ summary: String) -> Finding {
        Finding(check: check, state: .ok, summary: summary, advice: nil)
    }

    /// Something that works less well than it should.
    static func warn(_ check: String, _ summary: String, advice: String) -> Finding {
        Finding(check: check, state: .warn, summary: summary, advice: advice)
    }

    /// Something that stops the node from working.
    static func fail(_ check: String, _ summary: String, advice: String) -> Finding {
        Finding(check: check, state: .fail, summary: summary, advice: advice)
    }
}
