public import VPNFormats

/// Bounds on what clients, known or not, can make grow. Every one may be set; the defaults suit one node with a few
/// thousand clients.
public struct EndpointLimits: Sendable {
    /// Sessions of every kind, at most 2^24 − 2.
    public var maximumSessions: Int
    /// Sessions that have proven their address and are not admitted yet.
    public var maximumConnecting: Int
    /// First packets of clients that cannot do the stateless handshake: each keeps a key of 256 bytes for 10 s.
    public var maximumHalfOpen: Int
    /// Stateless answers to one source prefix (IPv4 /24, IPv6 /56): per second, and at once.
    public var repliesPerPrefix: RateLimit
    /// Stateless answers to all sources together.
    public var repliesInAll: RateLimit
    /// Stateless answers to one client identifier: what a recording of somebody's first packet can bring about.
    public var repliesPerClient: RateLimit

    /// Limits; numbers that make no sense are moved to the nearest that does.
    public init(
        maximumSessions: Int = 4_096, maximumConnecting: Int = 2_048, maximumHalfOpen: Int = 1_024,
        repliesPerPrefix: RateLimit = RateLimit(perSecond: 500, burst: 2_000),
        repliesInAll: RateLimit = RateLimit(perSecond: 2_000, burst: 8_000),
        repliesPerClient: RateLimit = RateLimit(perSecond: 1, burst: 6)
    ) {
        self.maximumSessions = min(max(maximumSessions, 1), Int(PeerID.undefined.rawValue))
        self.maximumConnecting = max(maximumConnecting, 1)
        self.maximumHalfOpen = max(maximumHalfOpen, 0)
        self.repliesPerPrefix = repliesPerPrefix
        self.repliesInAll = repliesInAll
        self.repliesPerClient = repliesPerClient
    }
}

/// A token bucket's size: so many per second over time, so many at once.
public struct RateLimit: Sendable, Equatable {
    /// Tokens that come back in a second.
    public var perSecond: Double
    /// Tokens that can gather.
    public var burst: Double

    /// A rate over time, and what may come at once.
    public init(perSecond: Double, burst: Double) {
        self.perSecond = perSecond
        self.burst = burst
    }
}

/// Keys that control packets are wrapped in. The first of a list is the one in use, the others are still accepted.
public struct WrappingKeys: Sendable {
    /// Unwrap the key that each client brings (tls-crypt-v2).
    public var tlsCryptV2: [TLSCryptV2ServerKey]
    /// Shared by all clients of a profile kind (tls-crypt).
    public var tlsCrypt: [StaticKey]

    /// Keys; with none at all nobody can connect.
    public init(tlsCryptV2: [TLSCryptV2ServerKey] = [], tlsCrypt: [StaticKey] = []) {
        self.tlsCryptV2 = tlsCryptV2
        self.tlsCrypt = tlsCrypt
    }
}

/// Why a packet was dropped: one counter each.
public enum DropReason: String, CaseIterable, Sendable {
    /// Too short, too long, or of no known shape.
    case malformed
    /// The wrapping does not verify under any key.
    case wrapping
    /// Seen before, or too old to tell.
    case replayed
    /// Carries identifiers of another session.
    case foreignSession
    /// Belongs to no session.
    case unknownSession
    /// Names a key id that the session does not have.
    case unknownKey
    /// A message id too far ahead.
    case outOfWindow
    /// The session is over.
    case sessionEnded
    /// The cookie is not ours, or has expired.
    case cookie
    /// Its source prefix, its client or everyone together asks for too much.
    case rateLimited
    /// There are as many sessions as there may be.
    case full
    /// A data packet that does not decrypt.
    case authentication
    /// An inner packet whose source is not the client's.
    case innerSource
    /// An inner packet that the filter does not let pass.
    case filtered
    /// An inner packet for nobody.
    case noRoute
    /// The kernel's queue is full.
    case queueFull

    init(_ rejection: ControlChannel.Rejection) {
        switch rejection {
        case .malformed: self = .malformed
        case .wrapping: self = .wrapping
        case .replayed: self = .replayed
        case .foreignSession: self = .foreignSession
        }
    }
}

/// Counts of dropped packets by reason.
public struct DropCounters: Sendable, Equatable {
    private var counts = [UInt64](repeating: 0, count: DropReason.allCases.count)
    private static let positions = Dictionary(
        uniqueKeysWithValues: DropReason.allCases.enumerated().map { ($1, $0) })

    /// Counters that stand at zero.
    public init() {}

    /// Packets dropped for this reason.
    public subscript(_ reason: DropReason) -> UInt64 {
        self.counts[Self.positions[reason] ?? 0]
    }

    /// Counts one dropped packet.
    public mutating func count(_ reason: DropReason) {
        self.counts[Self.positions[reason] ?? 0] &+= 1
    }
}
