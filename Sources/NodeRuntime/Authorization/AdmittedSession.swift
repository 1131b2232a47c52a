internal import ClusterCore
internal import VPNFormats
internal import VPNProtocol

/// A session that was let in, from its admission until the engine reports its end.
struct AdmittedSession: Sendable {
    /// Names the session's row in the store; made at admission, so that writing it twice changes nothing.
    let record: SessionRecordID
    /// Who it is and by what; of the latest login where there were several.
    var admission: Admission
    /// Its addresses in the tunnel.
    let addresses: TunnelAddresses
    /// Where it came from.
    let remote: SocketAddress
    /// What the client says it is, at most 64 bytes.
    let clientVersion: String
    /// What the client says it runs on, at most 64 bytes.
    let clientPlatform: String
    /// When it was admitted, store time.
    let admittedAt: Timestamp
    /// When it went live, store time; `nil` before.
    var liveSince: Timestamp?
    /// Why it is to end, once that was decided.
    var ending: RefusalReason?
}

/// What the authorizer wants written to the store.
enum RecordedEvent: Sendable {
    /// A session went live.
    case began(SessionHandle, AdmittedSession)
    /// A live session is over; with its cipher, if there was one.
    case ended(SessionEnd, cipher: String?)
    /// A wrong password was counted.
    case failed(LoginFailures)
    /// A right password came after wrong ones.
    case clearedFailures(UserID)
}
