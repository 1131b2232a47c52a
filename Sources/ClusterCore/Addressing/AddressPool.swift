public import VPNFormats

/// Whose address it is: a user with one certificate, which stands for a device.
public struct AddressHolder: Hashable, Sendable {
    /// The user.
    public var user: UserID
    /// The certificate, if there is one.
    public var certificate: CertificateSerial?

    /// Names a holder.
    public init(user: UserID, certificate: CertificateSerial?) {
        self.user = user
        self.certificate = certificate
    }
}

/// The addresses of one session. Both families come from the same place in their subnets.
public struct TunnelAddresses: Hashable, Sendable {
    /// The IPv4 address, nil when the node has no IPv4 subnet.
    public var ipv4: IPv4Address?
    /// The IPv6 address, nil when the node has no IPv6 subnet.
    public var ipv6: IPv6Address?
    /// The place in both subnets.
    let slot: Int
}

/// Gives the clients of one node their addresses in the tunnel.
///
/// A client gets the address that it last had here while nobody else has it, else one that was never given out, else
/// the one that has been free for the longest. Never given are the network address, the first host (the node itself)
/// and, of IPv4, the broadcast address. No two sessions hold one address at a time. All operations take constant time
/// on average; memory is bounded by the size of the pool.
public struct AddressPool: Sendable {
    /// The most addresses that one pool hands out.
    public static let capacityLimit = 1 << 20
    private static let firstSlot = 2

    /// The subnet that addresses come from.
    public let subnet: ClientSubnet
    /// How many sessions can have an address at a time.
    public let capacity: Int

    private struct Slot {
        var holder: AddressHolder
        var isInUse: Bool
        var freedAs: UInt64
    }

    private var slots: [Int: Slot] = [:]
    private var slotOfHolder: [AddressHolder: Int] = [:]
    private var freed: FreedSlots = FreedSlots()
    private var nextFresh = Self.firstSlot

    /// Makes the pool of a subnet.
    ///
    /// - Parameters:
    ///   - subnet: Where addresses come from; at least one family.
    ///   - remembered: Who last had which address here, from the store, in any order; what does not belong to the
    ///     subnet is passed over.
    /// - Returns: nil when the subnet has no room for a single client.
    public init?(subnet: ClientSubnet, remembered: [AddressMemory] = []) {
        let hosts = [
            subnet.ipv4.map { Self.hostCount($0, reservedAtEnd: 1) },
            subnet.ipv6.map { Self.hostCount($0, reservedAtEnd: 0) },
        ].compactMap(\.self)
        guard let capacity = hosts.min(), capacity > 0 else { return nil }
        self.subnet = subnet
        self.capacity = capacity
        for memory in remembered.sorted(by: { $0.usedAt < $1.usedAt }) { remember(memory) }
    }

    /// The node's own IPv4 address in the tunnel.
    public var gatewayIPv4: IPv4Address? { subnet.ipv4?.address(at: 1) }
    /// The node's own IPv6 address in the tunnel.
    public var gatewayIPv6: IPv6Address? { subnet.ipv6?.address(at: 1) }
    /// How many sessions hold an address.
    public private(set) var countInUse = 0

    /// How many places are on the list of those that became free, counting entries that no longer count.
    var freedEntryCount: Int { freed.count }

    /// Gives a session its addresses; nil when all are in use.
    public mutating func take(for holder: AddressHolder) -> TunnelAddresses? {
        if let slot = slotOfHolder[holder], let state = slots[slot], !state.isInUse { return use(slot, for: holder) }
        if let slot = freshSlot() ?? leastRecentlyUsed() { return use(slot, for: holder) }
        return nil
    }

    /// Takes the addresses back that ``take(for:)`` gave; doing it twice changes nothing.
    public mutating func release(_ addresses: TunnelAddresses) {
        guard var state = slots[addresses.slot], state.isInUse else { return }
        state.isInUse = false
        state.freedAs = freed.append(addresses.slot)
        slots[addresses.slot] = state
        countInUse -= 1
        if freed.count > 2 * slots.count + 64 { sweepFreed() }
    }

    /// Takes addresses that a session already has, as when sessions are carried over to a new process; nil when they
    /// are not of this pool or in use.
    public mutating func take(ipv4: IPv4Address?, ipv6: IPv6Address?, for holder: AddressHolder) -> TunnelAddresses? {
        guard let slot = slot(ipv4: ipv4, ipv6: ipv6), slots[slot]?.isInUse != true else { return nil }
        return use(slot, for: holder)
    }

    private mutating func use(_ slot: Int, for holder: AddressHolder) -> TunnelAddresses {
        forgetHolder(of: slot)
        slots[slot] = Slot(holder: holder, isInUse: true, freedAs: 0)
        slotOfHolder[holder] = slot
        countInUse += 1
        return addresses(at: slot)
    }

    private mutating func remember(_ memory: AddressMemory) {
        guard let slot = slot(ipv4: memory.ipv4, ipv6: memory.ipv6) else { return }
        let holder = AddressHolder(user: memory.user, certificate: memory.certificate)
        forgetHolder(of: slot)
        slots[slot] = Slot(holder: holder, isInUse: false, freedAs: freed.append(slot))
        slotOfHolder[holder] = slot
    }

    private mutating func forgetHolder(of slot: Int) {
        guard let holder = slots[slot]?.holder, slotOfHolder[holder] == slot else { return }
        slotOfHolder[holder] = nil
    }

    private mutating func freshSlot() -> Int? {
        while nextFresh < Self.firstSlot + capacity {
            let slot = nextFresh
            nextFresh += 1
            if slots[slot] == nil { return slot }
        }
        return nil
    }

    private mutating func sweepFreed() {
        let current = slots
        freed.sweep { slot, stamp in current[slot].map { !$0.isInUse && $0.freedAs == stamp } ?? false }
    }

    private mutating func leastRecentlyUsed() -> Int? {
        while let (slot, stamp) = freed.popFirst() {
            if let state = slots[slot], !state.isInUse, state.freedAs == stamp { return slot }
        }
        return nil
    }

    private func addresses(at slot: Int) -> TunnelAddresses {
        TunnelAddresses(
            ipv4: subnet.ipv4?.address(at: UInt64(slot)), ipv6: subnet.ipv6?.address(at: UInt64(slot)), slot: slot)
    }

    /// The place of addresses that stand at the same place of each subnet that there is.
    private func slot(ipv4: IPv4Address?, ipv6: IPv6Address?) -> Int? {
        let places = [Self.offset(ipv4, in: subnet.ipv4), Self.offset(ipv6, in: subnet.ipv6)].compactMap(\.self)
        guard let slot = places.first, places.allSatisfy({ $0 == slot }),
            (Self.firstSlot..<Self.firstSlot + capacity).contains(slot), addresses(at: slot).ipv4 == ipv4,
            addresses(at: slot).ipv6 == ipv6
        else { return nil }
        return slot
    }

    private static func offset<Address: InternetAddress>(
        _ address: Address?, in prefix: AddressPrefix<Address>?
    ) -> Int? {
        guard let address, let prefix, prefix.contains(address) else { return nil }
        return Int(exactly: address.bits - prefix.address.bits)
    }

    private static func hostCount<Address: InternetAddress>(
        _ prefix: AddressPrefix<Address>, reservedAtEnd: Int
    ) -> Int {
        let bits = Address.Bits.bitWidth - prefix.length
        guard bits < 21 else { return capacityLimit }
        return max(0, (1 << bits) - firstSlot - reservedAtEnd)
    }
}

/// Slots in the order in which they became free. An entry counts only while its stamp is that of the slot: a slot that
/// was taken since leaves its old entry behind, and those are swept out before they are the larger part.
private struct FreedSlots {
    private var entries: [(slot: Int, stamp: UInt64)] = []
    private var head = 0
    private var lastStamp: UInt64 = 0

    mutating func append(_ slot: Int) -> UInt64 {
        lastStamp &+= 1
        entries.append((slot, lastStamp))
        return lastStamp
    }

    /// How many entries there are, counting those that no longer count.
    var count: Int { entries.count - head }

    /// Keeps the entries that still count.
    mutating func sweep(_ isCurrent: (Int, UInt64) -> Bool) {
        entries = entries[head...].filter { isCurrent($0.slot, $0.stamp) }
        head = 0
    }

    mutating func popFirst() -> (Int, UInt64)? {
        guard head < entries.count else { return nil }
        let entry = entries[head]
        head += 1
        if head > 64, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return entry
    }
}
