import VPNFormats

/// Decides whether a packet from an unproven source is answered. Only packets whose wrapping verified come here, so
/// that noise cannot use up what clients are owed.
///
/// Its memory is fixed. Source prefixes share buckets with what hashes alike, under a hash that an outsider cannot
/// predict. Clients do not share: who repeats the recorded packets of others takes nothing from those that come now.
/// A packet that was answered is not answered again: clients number each transmission anew.
struct ReplyLimiter: Sendable {
    private static let prefixBuckets = 4_096
    private static let clientEntries = 16_384
    /// Places where a client may be found.
    private static let ways = 4

    private struct Bucket: Sendable {
        var tokens: Double
        var filledAt: Instant

        mutating func take(_ limit: RateLimit, now: Instant) -> Bool {
            let elapsed = Double(now.since(self.filledAt).wholeNanoseconds) / 1e9
            self.tokens = min(limit.burst, self.tokens + elapsed * limit.perSecond)
            self.filledAt = now
            guard self.tokens >= 1 else { return false }
            self.tokens -= 1
            return true
        }
    }

    /// A client that was answered lately.
    private struct Client: Sendable {
        let session: SessionID
        var answered: LongPacketID
        var bucket: Bucket
    }

    private var prefixes: [Bucket]
    private var clients: [Client?]
    private var all: Bucket

    init(limits: EndpointLimits, now: Instant) {
        let prefix = Bucket(tokens: limits.repliesPerPrefix.burst, filledAt: now)
        self.prefixes = Array(repeating: prefix, count: Self.prefixBuckets)
        self.clients = Array(repeating: nil, count: Self.clientEntries)
        self.all = Bucket(tokens: limits.repliesInAll.burst, filledAt: now)
    }

    /// - Returns: Why the packet is not answered, or nil where it is.
    mutating func refusal(
        _ source: SocketAddress, client: SessionID, packetID: LongPacketID, limits: EndpointLimits, now: Instant
    ) -> DropReason? {
        let place = self.place(of: client)
        var entry: Client
        if let known = self.clients[place], known.session == client {
            guard known.answered < packetID else { return .replayed }
            entry = known
        } else {
            let bucket = Bucket(tokens: limits.repliesPerClient.burst, filledAt: now)
            entry = Client(session: client, answered: packetID, bucket: bucket)
        }
        entry.answered = packetID
        let prefixIndex = Self.index(source.ip.sourcePrefix, Self.prefixBuckets)
        // The narrowest first: what one client wastes costs its neighbours nothing.
        let isGranted =
            entry.bucket.take(limits.repliesPerClient, now: now)
            && self.prefixes[prefixIndex].take(limits.repliesPerPrefix, now: now)
            && self.all.take(limits.repliesInAll, now: now)
        self.clients[place] = entry
        return isGranted ? nil : .rateLimited
    }

    /// Where a client is, or where it may be put: a free place, else that of the client longest unheard of.
    private func place(of client: SessionID) -> Int {
        let first = Self.index(client, Self.clientEntries / Self.ways) * Self.ways
        let places = first..<(first + Self.ways)
        if let known = places.first(where: { self.clients[$0]?.session == client }) { return known }
        let start = Instant(nanoseconds: 0)
        return places.min {
            (self.clients[$0]?.bucket.filledAt ?? start) < (self.clients[$1]?.bucket.filledAt ?? start)
        } ?? first
    }

    private static func index(_ value: some Hashable, _ count: Int) -> Int {
        Int(UInt(bitPattern: value.hashValue) % UInt(count))
    }
}

extension IPAddress {
    /// The network that a rate limit counts for: IPv4 /24, IPv6 /56.
    var sourcePrefix: [UInt8] {
        switch self {
        case .v4: Array(self.bytes.prefix(3))
        case .v6: Array(self.bytes.prefix(7))
        }
    }
}
