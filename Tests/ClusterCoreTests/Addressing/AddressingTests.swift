import ProtocolTestKit
import Testing
import VPNFormats

@testable import ClusterCore

@Suite("Client subnets")
struct ClientSubnetTests {
    private func prefixes(_ texts: String...) -> [IPPrefix] { texts.compactMap { IPPrefix($0) } }

    @Test("subnets are counted through all networks in their order")
    func counting() {
        let subnets = ClientSubnets(
            networks: prefixes("10.56.0.0/23", "10.60.0.0/24", "fd00::/63"), lengthIPv4: 24, lengthIPv6: 64)
        let ipv4 = (0..<5).map { subnets.subnet(at: UInt64($0)).ipv4?.description }
        #expect(ipv4 == ["10.56.0.0/24", "10.56.1.0/24", "10.60.0.0/24", nil, nil])
        let ipv6 = (0..<3).map { subnets.subnet(at: UInt64($0)).ipv6?.description }
        #expect(ipv6 == ["fd00::/64", "fd00:0:0:1::/64", nil])
    }

    @Test("a node gets the first subnet that is free, of both families")
    func firstFree() {
        let subnets = ClientSubnets(networks: prefixes("10.56.0.0/22", "fd00::/62"), lengthIPv4: 24, lengthIPv6: 64)
        let free = subnets.firstFree(taken: prefixes("10.56.0.0/24", "10.56.1.128/25", "fd00::/64", "0.0.0.0/0"))
        #expect(free.ipv4?.description == "10.56.2.0/24")
        #expect(free.ipv6?.description == "fd00:0:0:1::/64")
        #expect(free.prefixes.count == 2)
    }

    @Test("there is no subnet where networks are full, missing or too small")
    func none() {
        let full = ClientSubnets(networks: prefixes("10.56.0.0/23"), lengthIPv4: 24, lengthIPv6: 64)
        #expect(full.firstFree(taken: prefixes("10.56.0.0/23")) == ClientSubnet(ipv4: nil, ipv6: nil))
        #expect(full.firstFree(taken: []).ipv6 == nil)
        let small = ClientSubnets(networks: prefixes("10.56.0.0/25"), lengthIPv4: 24, lengthIPv6: 64)
        #expect(small.firstFree(taken: []).ipv4 == nil)
    }

    @Test("the defaults serve 256 nodes with 1,000 clients each")
    func defaults() throws {
        var random = SeededGenerator(seed: 1)
        let subnets = ClientSubnets(Settings(cluster: ClusterID(using: &random)))
        let all = (0..<256).map { subnets.subnet(at: $0) }
        #expect(Set(all.compactMap(\.ipv4)).count == 256)
        #expect(Set(all.compactMap(\.ipv6)).count == 256)
        for subnet in all { #expect(try #require(AddressPool(subnet: subnet)).capacity >= 1_000) }
    }

    @Test("overlaps with the machine's networks are found; a default route is none")
    func overlaps() {
        let found = ClientSubnets.overlaps(
            networks: prefixes("10.56.0.0/14", "fd00::/48"),
            host: prefixes("10.56.3.0/24", "192.168.1.0/24", "0.0.0.0/0", "::/0", "10.0.0.0/8"))
        #expect(found.map(\.host) == prefixes("10.56.3.0/24", "10.0.0.0/8"))
    }
}

@Suite("The address pool")
struct AddressPoolTests {
    private func makePool(_ ipv4: String? = "10.56.0.0/29", _ ipv6: String? = nil) throws -> AddressPool {
        let subnet = ClientSubnet(ipv4: ipv4.flatMap { IPv4Prefix($0) }, ipv6: ipv6.flatMap { IPv6Prefix($0) })
        return try #require(AddressPool(subnet: subnet))
    }

    private func holders(_ count: Int) -> [AddressHolder] {
        var random = SeededGenerator(seed: 1)
        return (0..<count).map { _ in
            AddressHolder(user: UserID(using: &random), certificate: CertificateSerial(using: &random))
        }
    }

    @Test("network, node and broadcast address are never given, all others once")
    func reserved() throws {
        var pool = try makePool()
        let given = holders(8).compactMap { pool.take(for: $0)?.ipv4?.description }
        #expect(given == ["10.56.0.2", "10.56.0.3", "10.56.0.4", "10.56.0.5", "10.56.0.6"])
        #expect(pool.capacity == 5 && pool.countInUse == 5)
        #expect(pool.gatewayIPv4?.description == "10.56.0.1")
    }

    @Test("both families come from the same place")
    func parallel() throws {
        var pool = try makePool("10.56.0.0/29", "fd00::/64")
        let taken = pool.take(for: holders(1)[0])
        let given = try #require(taken)
        #expect(given.ipv4?.description == "10.56.0.2")
        #expect(given.ipv6?.description == "fd00::2")
        #expect(pool.gatewayIPv6?.description == "fd00::1")
        #expect(pool.capacity == 5)
    }

    @Test("a pool may be of IPv6 alone, and is bounded")
    func ipv6Alone() throws {
        var pool = try makePool(nil, "fd00::/64")
        #expect(pool.capacity == AddressPool.capacityLimit)
        #expect(pool.take(for: holders(1)[0])?.ipv4 == nil)
        #expect(try makePool(nil, "fd00::/120").capacity == 254)
    }

    @Test(
        "a subnet without room for a client gives no pool", arguments: ["10.56.0.0/30", "10.56.0.0/31", "10.56.0.0/32"])
    func noRoom(text: String) {
        let pool = AddressPool(subnet: ClientSubnet(ipv4: IPv4Prefix(text), ipv6: nil))
        #expect((pool?.capacity ?? 0) == (text.hasSuffix("/30") ? 1 : 0))
        #expect(AddressPool(subnet: ClientSubnet(ipv4: nil, ipv6: nil)) == nil)
    }

    @Test("a client that comes back has the address that it had, while nobody took it")
    func remembered() throws {
        var pool = try makePool()
        let clients = holders(7)
        let taken = pool.take(for: clients[0])
        let first = try #require(taken)
        _ = pool.take(for: clients[1])
        pool.release(first)
        #expect(pool.take(for: clients[0]) == first)
        pool.release(first)
        for client in clients[2...4] { #expect(pool.take(for: client) != first) }
        #expect(pool.take(for: clients[5]) == first, "the last one is given when all others are in use")
        #expect(pool.take(for: clients[0]) == nil)
        #expect(pool.take(for: clients[6]) == nil)
    }

    @Test("the address that has been free for the longest goes first")
    func leastRecentlyUsed() throws {
        var pool = try makePool()
        let clients = holders(12)
        let given = clients[0..<5].compactMap { pool.take(for: $0) }
        for index in [3, 1, 4, 0, 2] { pool.release(given[index]) }
        _ = pool.take(for: clients[1])
        let next = clients[6..<10].compactMap { pool.take(for: $0) }
        #expect(next == [given[3], given[4], given[0], given[2]])
    }

    @Test("two sessions of one client have two addresses")
    func twoSessions() throws {
        var pool = try makePool()
        let client = holders(1)[0]
        let (taken1, taken2) = (pool.take(for: client), pool.take(for: client))
        let (one, two) = (try #require(taken1), try #require(taken2))
        #expect(one != two)
        pool.release(one)
        pool.release(one)
        #expect(pool.countInUse == 1)
    }

    @Test("what the store remembers is kept, what does not belong here is passed over")
    func restored() throws {
        let clients = holders(4)
        func memory(_ index: Int, _ address: String, _ seconds: Int64) -> AddressMemory {
            AddressMemory(
                user: clients[index].user, certificate: clients[index].certificate, ipv4: IPv4Address(address),
                ipv6: nil, usedAt: Timestamp(seconds: seconds))
        }
        let subnet = ClientSubnet(ipv4: IPv4Prefix("10.56.0.0/29"), ipv6: nil)
        var pool = try #require(
            AddressPool(
                subnet: subnet,
                remembered: [
                    memory(0, "10.56.0.5", 3), memory(1, "10.56.0.1", 3), memory(1, "10.99.0.3", 3),
                    memory(2, "10.56.0.5", 2), memory(3, "10.56.0.7", 1), memory(3, "10.56.0.0", 1),
                ]))
        #expect(pool.take(for: clients[0])?.ipv4?.description == "10.56.0.5")
        #expect(pool.take(for: clients[1])?.ipv4?.description == "10.56.0.2")
        #expect(pool.take(for: clients[2])?.ipv4?.description == "10.56.0.3")
    }

    @Test("addresses of a session that is carried over are taken, once")
    func carriedOver() throws {
        var pool = try makePool("10.56.0.0/29", "fd00::/64")
        let clients = holders(3)
        let (ipv4, ipv6) = (IPv4Address("10.56.0.4"), IPv6Address("fd00::4"))
        #expect(pool.take(ipv4: ipv4, ipv6: ipv6, for: clients[0]) != nil)
        #expect(pool.take(ipv4: ipv4, ipv6: ipv6, for: clients[1]) == nil)
        #expect(pool.take(ipv4: ipv4, ipv6: IPv6Address("fd00::5"), for: clients[1]) == nil)
        #expect(pool.take(ipv4: IPv4Address("10.56.0.5"), ipv6: nil, for: clients[1]) == nil)
        let others = (0..<5).compactMap { _ in pool.take(for: clients[1]) }
        #expect(others.count == 4)
    }

    @Test("in any order of coming and going no two sessions share an address, and memory stays bounded")
    func random() throws {
        var random = SeededGenerator()
        var pool = try makePool("10.56.0.0/27", "fd00::/64")
        let clients = holders(60)
        var live: [TunnelAddresses] = []
        for _ in 0..<4_000 {
            if random.next() % 2 == 0, let client = clients.randomElement(using: &random) {
                let given = pool.take(for: client)
                #expect((given == nil) == (live.count == pool.capacity))
                if let given { live.append(given) }
            } else if !live.isEmpty {
                pool.release(live.remove(at: Int(random.next() % UInt64(live.count))))
            }
            try #require(Set(live).count == live.count && pool.countInUse == live.count)
        }
        #expect(pool.freedEntryCount <= 2 * pool.capacity + 65)
    }
}
