import VPNFormats

/// Decides whether a packet from an unproven source is answered. Only packets whose wrapping verified come here, so
/// that noise cannot use up what clients are owed. Its memory is fixed: buckets are shared by what hashes alike, under
/// a hash that an outsider cannot predict.
struct ReplyLimiter: Sendable {
    private static let bucketCount = 4_096

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

    private var prefixes: [Bucket]
    private var clients: [Bucket]
    private var all: Bucket

    init(limits: EndpointLimits, now: Instant) {
        let prefix = Bucket(tokens: limits.repliesPerPrefix.burst, filledAt: now)
        let client = Bucket(tokens: limits.repliesPerClient.burst, filledAt: now)
        self.prefixes = Array(repeating: prefix, count: Self.bucketCount)
        self.clients = Array(repeating: client, count: Self.bucketCount)
        self.all = Bucket(tokens: limits.repliesInAll.burst, filledAt: now)
    }

    mutating func mayAnswer(
        _ source: SocketAddress, client: SessionID, limits: EndpointLimits, now: Instant
    ) -> Bool {
        let clientIndex = Self.index(client)
        let prefixIndex = Self.index(source.ip.sourcePrefix)
        // The narrowest first: what one client wastes costs its neighbours nothing.
        return self.clients[clientIndex].take(limits.repliesPerClient, now: now)
            && self.prefixes[prefixIndex].take(limits.repliesPerPrefix, now: now)
            && self.all.take(limits.repliesInAll, now: now)
    }

    private static func index(_ value: some Hashable) -> Int {
        Int(UInt(bitPattern: value.hashValue) % UInt(Self.bucketCount))
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
