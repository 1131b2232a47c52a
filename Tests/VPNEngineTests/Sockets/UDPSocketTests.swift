import Testing
import VPNEngine
import VPNFormats

@Suite("UDP sockets", .serialized)
struct UDPSocketTests {
    private static let families = ["127.0.0.1:0", "[::1]:0"]

    private func address(_ text: String) throws -> SocketAddress {
        try #require(SocketAddress(text))
    }

    /// Waits for up to a second until `socket` has something, then receives it.
    private func receive(_ socket: UDPSocket, _ batch: ReceiveBatch) throws -> Int {
        let poller = try Poller()
        try poller.add(socket.fileDescriptor, token: 1)
        try poller.wait(timeoutNanoseconds: 1_000_000_000) { _ in }
        return try socket.receive(into: batch)
    }

    @Test("a batch arrives with its bytes, its sender and the address that it was sent to", arguments: families)
    func roundTrip(family: String) throws {
        let server = try UDPSocket(listening: address(family))
        let client = try UDPSocket(listening: address(family))
        #expect(server.localAddress.port != 0)
        let outgoing = try SendBatch(capacity: 8, slotBytes: 100)
        for index in 0..<8 {
            #expect(
                outgoing.append(Array(repeating: UInt8(index), count: index * 10), to: server.localAddress, from: nil))
        }
        #expect(outgoing.isFull)
        #expect(!outgoing.append([1], to: server.localAddress, from: nil))
        client.send(outgoing)
        #expect(outgoing.count == 0)
        #expect(client.counters.sent == 8)

        let incoming = try ReceiveBatch(capacity: 16, slotBytes: 100)
        #expect(try receive(server, incoming) == 8)
        for index in 0..<8 {
            let datagram = try #require(incoming[index])
            #expect(Array(datagram.bytes) == Array(repeating: UInt8(index), count: index * 10))
            #expect(datagram.remote == client.localAddress)
            #expect(datagram.local.ip == server.localAddress.ip)
        }
        #expect(incoming[8] == nil && incoming[-1] == nil)
        #expect(try server.receive(into: incoming) == 0)
        #expect(incoming.count == 0)
        #expect(server.counters.received == 8)
    }

    @Test("an answer leaves from the address that the question came to, on a socket that has them all")
    func answersKeepTheirAddress() throws {
        try NetworkNamespace.run {
            let netlink = try Netlink()
            for text in ["10.1.1.1", "10.1.1.2", "10.1.1.3"] {
                let ip = try #require(IPAddress(text))
                try netlink.addAddress(InterfaceAddress(ip, prefixLength: 32), to: 1)
            }
            let server = try UDPSocket(listening: #require(SocketAddress("0.0.0.0:1194")))
            let client = try UDPSocket(listening: #require(SocketAddress("10.1.1.1:0")))
            let batch = try ReceiveBatch()
            let out = try SendBatch()
            for text in ["10.1.1.2:1194", "10.1.1.3:1194"] {
                let target = try #require(SocketAddress(text))
                out.append([7], to: target, from: nil)
                client.send(out)
                #expect(try server.receive(into: batch) == 1)
                let question = try #require(batch[0])
                #expect(question.local.ip == target.ip)
                #expect(question.local.interfaceIndex == 1)
                out.append([8], to: question.remote, from: question.local)
                server.send(out)
                #expect(try client.receive(into: batch) == 1)
                #expect(batch[0]?.remote == target)
            }
        }
    }

    @Test("a datagram longer than a slot is dropped and counted, the ones around it stay")
    func truncation() throws {
        let server = try UDPSocket(listening: address("127.0.0.1:0"))
        let client = try UDPSocket(listening: address("127.0.0.1:0"))
        let out = try SendBatch(capacity: 3, slotBytes: 200)
        for length in [50, 51, 50] {
            out.append(Array(repeating: 1, count: length), to: server.localAddress, from: nil)
        }
        client.send(out)
        let batch = try ReceiveBatch(capacity: 4, slotBytes: 50)
        #expect(try receive(server, batch) == 3)
        #expect([batch[0] == nil, batch[1] == nil, batch[2] == nil] == [false, true, false])
        #expect(server.counters.truncated == 1)
    }

    @Test("one datagram that cannot be sent does not hold up the others")
    func unreachable() throws {
        try NetworkNamespace.run {
            let server = try UDPSocket(listening: #require(SocketAddress("127.0.0.1:0")))
            let socket = try UDPSocket(listening: #require(SocketAddress("0.0.0.0:0")))
            let out = try SendBatch(slotBytes: 65_535)
            let foreign = LocalEndpoint(ip: try #require(IPAddress("192.0.2.77")))
            out.append([1], to: server.localAddress, from: nil)
            out.append([2], to: try #require(SocketAddress("198.51.100.1:9")), from: nil)
            out.append([3], to: server.localAddress, from: foreign)
            out.append([4], to: try #require(SocketAddress("[::1]:9")), from: nil)
            out.append(Array(repeating: 5, count: 65_530), to: server.localAddress, from: nil)
            out.append([6], to: server.localAddress, from: nil)
            socket.send(out)
            let counters = socket.counters
            #expect(counters.sent == 2)
            #expect(counters.droppedTooLong == 1)
            #expect(counters.droppedUnreachable + counters.droppedOther == 3)
            let batch = try ReceiveBatch()
            #expect(try server.receive(into: batch) == 2)
            #expect(batch[0].map { Array($0.bytes) } == [1])
            #expect(batch[1].map { Array($0.bytes) } == [6])
        }
    }

    @Test("nobody listening at the other end breaks nothing")
    func refusedPort() throws {
        let socket = try UDPSocket(listening: address("127.0.0.1:0"))
        let gone = try UDPSocket(listening: address("127.0.0.1:0")).localAddress
        let out = try SendBatch()
        let batch = try ReceiveBatch()
        for _ in 0..<4 {
            out.append([1], to: gone, from: nil)
            socket.send(out)
            #expect(try socket.receive(into: batch) == 0)
        }
        #expect(socket.counters.sent + socket.counters.droppedUnreachable == 4)
    }

    @Test("a port in use is refused with advice, and shared on request", arguments: families)
    func portInUse(family: String) throws {
        let first = try UDPSocket(listening: address(family))
        let error = #expect(throws: NetworkError.self) { _ = try UDPSocket(listening: first.localAddress) }
        #expect(error?.code == .addressInUse)
        #expect(error?.message.contains("another program") == true)
        let shared = try UDPSocket(listening: address(family), reusePort: true)
        _ = try UDPSocket(listening: shared.localAddress, reusePort: true)
    }

    @Test("IPv6 on all addresses leaves the port free for IPv4")
    func onlyIPv6() throws {
        let six = try UDPSocket(listening: address("[::]:0"))
        _ = try UDPSocket(listening: SocketAddress(ip: .v4(.any), port: six.localAddress.port))
    }

    @Test("an address that the machine does not have is refused with advice")
    func foreignAddress() throws {
        let error = #expect(throws: NetworkError.self) { _ = try UDPSocket(listening: address("192.0.2.1:0")) }
        #expect(error?.code == .addressUnavailable)
    }

    @Test("batches refuse sizes out of range and slots refuse longer datagrams")
    func limits() throws {
        for (capacity, slot) in [(0, 1), (1_025, 1), (1, 0), (1, 65_536), (-1, -1)] {
            #expect(throws: NetworkError.self) { _ = try SendBatch(capacity: capacity, slotBytes: slot) }
            #expect(throws: NetworkError.self) { _ = try ReceiveBatch(capacity: capacity, slotBytes: slot) }
        }
        let batch = try SendBatch(capacity: 1, slotBytes: 10)
        let target = try address("127.0.0.1:9")
        #expect(!batch.append(Array(repeating: 0, count: 11), to: target, from: nil))
        #expect(!batch.commit(byteCount: 11, to: target, from: nil))
        #expect(!batch.commit(byteCount: -1, to: target, from: nil))
        #expect(batch.reserve()?.count == 10)
        #expect(batch.commit(byteCount: 10, to: target, from: nil))
        #expect(batch.reserve() == nil)
    }

    @Test("a full send buffer drops and counts, without waiting")
    func fullBuffer() throws {
        try NetworkNamespace.run {
            // Nobody answers at the other end of the cable: packets wait for the neighbour's address, charged to the
            // socket.
            try TestProgram.run("ip link add near type veth peer name far")
            try TestProgram.run("ip link set far up")
            try TestProgram.run("ip link set near up")
            try TestProgram.run("ip address add 10.7.0.1/24 dev near")
            let socket = try UDPSocket(listening: #require(SocketAddress("10.7.0.1:0")), bufferBytes: 4_096)
            let out = try SendBatch()
            let target = try #require(SocketAddress("10.7.0.2:9"))
            for _ in 0..<64 { out.append(Array(repeating: 0, count: 1_000), to: target, from: nil) }
            socket.send(out)
            #expect(out.count == 0)
            #expect(socket.counters.droppedFull > 0)
            #expect(socket.counters.droppedFull + socket.counters.sent == 64)
        }
    }
}
