import VPNFormats

/// Clients with a key of their own that cannot repeat it with their second packet (OpenVPN 2.5): their key is kept for
/// a few seconds, for a bounded number of them. An entry belongs to a client at an address: whoever repeats its packet
/// from elsewhere makes one of his own.
struct HalfOpenTable: Sendable {
    static let lifetime: Duration = .seconds(10)

    private struct Name: Hashable, Sendable {
        let client: SessionID
        let remote: SocketAddress
    }

    private struct Entry: Sendable {
        let key: StaticKey
        let expiresAt: Instant
    }

    private var entries: [Name: Entry] = [:]
    /// In order of expiry. Names of entries that were replaced or taken stay until their time comes.
    private var order: [(name: Name, expiresAt: Instant)] = []
    private var head = 0

    var count: Int { self.entries.count }

    /// Keeps a client's key. Where the table is full the oldest makes room.
    mutating func insert(_ client: SessionID, key: StaticKey, remote: SocketAddress, limit: Int, now: Instant) {
        guard limit > 0 else { return }
        self.expire(now: now)
        while self.order.count - self.head >= limit { self.removeOldest() }
        let name = Name(client: client, remote: remote)
        let expiresAt = now.advanced(by: Self.lifetime)
        self.entries[name] = Entry(key: key, expiresAt: expiresAt)
        self.order.append((name, expiresAt))
    }

    func key(_ client: SessionID, remote: SocketAddress, now: Instant) -> StaticKey? {
        guard let entry = self.entries[Name(client: client, remote: remote)], entry.expiresAt > now else { return nil }
        return entry.key
    }

    mutating func remove(_ client: SessionID, remote: SocketAddress) {
        self.entries[Name(client: client, remote: remote)] = nil
    }

    mutating func expire(now: Instant) {
        while self.head < self.order.count, self.order[self.head].expiresAt <= now { self.removeOldest() }
    }

    private mutating func removeOldest() {
        guard self.head < self.order.count else { return }
        let (name, expiresAt) = self.order[self.head]
        self.head += 1
        if self.entries[name]?.expiresAt == expiresAt { self.entries[name] = nil }
        if self.head > 64, self.head * 2 > self.order.count {
            self.order.removeFirst(self.head)
            self.head = 0
        }
    }
}
