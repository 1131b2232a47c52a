import ProtocolTestKit
import Testing

@testable import VPNProtocol

@Suite struct ReliableStreamTests {
    private struct Sent: Equatable {
        let opcode: Opcode
        let acks: [UInt32]
        let id: UInt32?
    }

    private static let second = Duration.seconds(1)

    private func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: 1_000_000_000 + UInt64(seconds * 1e9))
    }

    private func transmit(_ stream: inout ReliableStream, at seconds: Double = 0) -> [Sent] {
        var sent: [Sent] = []
        stream.transmit(now: self.at(seconds), firstTimeout: .seconds(2)) { opcode, acks, message in
            sent.append(Sent(opcode: opcode, acks: acks, id: message?.0))
        }
        return sent
    }

    private func ids(_ sent: [Sent]) -> [UInt32] { sent.compactMap(\.id) }

    private func loaded(_ packets: Int) -> ReliableStream {
        var stream = ReliableStream()
        #expect(stream.enqueue([UInt8](repeating: 1, count: packets * ReliableStream.segmentBytes)) == true)
        return stream
    }

    // MARK: Sending

    @Test("The newest id in flight is never 6 or more beyond the oldest unacknowledged one, whatever is acknowledged")
    func window() {
        var stream = self.loaded(20)
        #expect(self.ids(self.transmit(&stream)) == [0, 1, 2, 3, 4, 5])
        stream.acknowledge([1, 2, 3, 4, 5], now: self.at(0))
        // The first is lost: it alone is sent again, and nothing that a client's window would not hold.
        #expect(self.ids(self.transmit(&stream)) == [0])
        stream.acknowledge([0], now: self.at(0))
        #expect(self.ids(self.transmit(&stream)) == [6, 7, 8, 9, 10, 11])
    }

    @Test("A packet is sent again after 2, 4, 8, 16 and then every 32 seconds")
    func backoff() throws {
        var stream = self.loaded(1)
        var times: [Double] = []
        var now = self.at(0)
        for _ in 0..<7 {
            stream.transmit(now: now, firstTimeout: .seconds(2)) { _, _, _ in
                times.append(Double(now.since(self.at(0)).components.seconds))
            }
            now = try #require(stream.nextDeadline)
        }
        #expect(times == [0, 2, 6, 14, 30, 62, 94])
        #expect(!stream.isDrained)
    }

    @Test("Three later acknowledgements have a packet sent again at once, and only once")
    func fastResend() {
        var stream = self.loaded(6)
        _ = self.transmit(&stream)
        stream.acknowledge([1, 2], now: self.at(0.1))
        #expect(self.transmit(&stream, at: 0.1).isEmpty)
        stream.acknowledge([3], now: self.at(0.2))
        #expect(self.ids(self.transmit(&stream, at: 0.2)) == [0])
        stream.acknowledge([4, 5], now: self.at(0.3))
        #expect(self.transmit(&stream, at: 0.3).isEmpty)
    }

    @Test("Acknowledgements of what was never sent, or twice, change nothing")
    func foreignAcknowledgements() {
        var stream = self.loaded(2)
        stream.acknowledge([0, 1, 7, .max], now: self.at(0))
        #expect(self.ids(self.transmit(&stream)) == [0, 1])
        stream.acknowledge([0, 0, 0, 9], now: self.at(0))
        stream.acknowledge([0, 0, 0, 9], now: self.at(0))
        #expect(self.transmit(&stream, at: 1).isEmpty)
        #expect(!stream.isDrained)
        stream.acknowledge([1], now: self.at(0))
        #expect(stream.isDrained && stream.nextDeadline == nil)
    }

    @Test("A peer that acknowledges nothing cannot make more than the backlog pile up")
    func backlog() {
        var stream = ReliableStream()
        let chunk = [UInt8](repeating: 0, count: 64 * 1_024)
        for _ in 0..<4 { #expect(stream.enqueue(chunk) == true) }
        #expect(stream.enqueue([0]) == false)
        #expect(self.transmit(&stream).count == 6)
        #expect(stream.enqueue([0]) == true)
    }

    // MARK: Receiving

    @Test(
        "Ids are accepted once, in any order, up to 12 ahead",
        arguments: [
            ([0, 1, 2], [0, 1, 2], 0), ([2, 0, 1], [0, 1, 2], 0), ([0, 0, 1, 1, 0], [0, 1], 3),
            ([11, 12, 0], [0], 0), ([3, 3, 2, 1, 0], [0, 1, 2, 3], 1), ([1, 2, 3], [], 0),
        ] as [([UInt32], [UInt8], Int)])
    func receiving(arrivals: [UInt32], delivered: [UInt8], duplicates: Int) {
        var stream = ReliableStream()
        var out: [UInt8] = []
        var repeated = 0
        for id in arrivals {
            if stream.receive(id: id, payload: [UInt8(truncatingIfNeeded: id)]) == .duplicate { repeated += 1 }
            while let payload = stream.nextInOrder() { out += payload }
        }
        #expect(out == delivered)
        #expect(repeated == duplicates)
    }

    @Test("The window's edge: 11 ahead is kept, 12 ahead is dropped without an answer")
    func edge() {
        var stream = ReliableStream(nextReceiveID: 5)
        #expect(stream.receive(id: 17, payload: []) == .outOfWindow)
        #expect(stream.receive(id: .max, payload: []) == .outOfWindow)
        #expect(self.transmit(&stream).isEmpty)
        #expect(stream.receive(id: 16, payload: []) == .accepted)
        #expect(self.transmit(&stream) == [Sent(opcode: .acknowledgement, acks: [16], id: nil)])
    }

    @Test("The last id of all is not delivered, as nothing could follow it")
    func lastID() {
        var stream = ReliableStream(nextReceiveID: .max)
        #expect(stream.receive(id: .max, payload: [1]) == .accepted)
        #expect(stream.nextInOrder() == nil)
    }

    // MARK: Acknowledging

    @Test("At most 4 acknowledgements travel with a message, at most 8 alone")
    func limits() {
        var stream = self.loaded(1)
        for id in 0..<12 as Range<UInt32> { _ = stream.receive(id: id, payload: []) }
        let sent = self.transmit(&stream)
        #expect(sent.map(\.acks.count) == [4, 8])
        #expect(Set(sent.flatMap(\.acks)) == Set(0..<12))
    }

    @Test("Packets that were delivered already are acknowledged again, and late messages repeat late acknowledgements")
    func again() {
        var stream = ReliableStream()
        _ = stream.receive(id: 0, payload: [1])
        _ = stream.nextInOrder()
        #expect(self.transmit(&stream).map(\.acks) == [[0]])
        #expect(stream.receive(id: 0, payload: [1]) == .duplicate)
        #expect(self.transmit(&stream).map(\.acks) == [[0]])
        #expect(stream.enqueue([7]) == true)
        #expect(self.transmit(&stream) == [Sent(opcode: .control, acks: [0], id: 0)])
    }

    @Test("An acknowledgement is never sent for nothing")
    func silence() {
        var stream = ReliableStream()
        #expect(self.transmit(&stream).isEmpty)
        #expect(stream.nextDeadline == nil)
    }

    // MARK: Properties

    @Test("Through loss, repetition and disorder every byte arrives once and in order")
    func lossy() {
        var random = SeededGenerator(forTest: "reliable stream")
        for _ in 0..<50 {
            var sender = ReliableStream()
            var receiver = ReliableStream()
            let bytes = random.bytes(Int.random(in: 1...30_000, using: &random))
            #expect(sender.enqueue(bytes) == true)
            var out: [UInt8] = []
            var seconds = 0.0
            while !sender.isDrained, seconds < 4_000 {
                var messages: [(UInt32, [UInt8])] = []
                sender.transmit(now: self.at(seconds), firstTimeout: .seconds(2)) { _, _, message in
                    if let message { messages.append(message) }
                }
                for (id, payload) in messages.shuffled(using: &random) where Int.random(in: 0..<4, using: &random) > 0 {
                    for _ in 0..<Int.random(in: 1...2, using: &random) {
                        _ = receiver.receive(id: id, payload: payload)
                    }
                    while let payload = receiver.nextInOrder() { out += payload }
                }
                receiver.transmit(now: self.at(seconds), firstTimeout: .seconds(2)) { _, acks, _ in
                    if Int.random(in: 0..<4, using: &random) > 0 { sender.acknowledge(acks, now: self.at(seconds)) }
                }
                seconds += 0.5
            }
            #expect(out == bytes)
            #expect(sender.isDrained)
        }
    }

    @Test("Ids that cannot stand in a written-out stream are refused", arguments: 0..<4)
    func inconsistent(_ kind: Int) throws {
        var writer = StateWriter(version: 1)
        writer.write(UInt32(kind == 0 ? 1 : 9))
        writer.write(UInt32(3))
        writer.write(bytes: [])
        let outgoing: [UInt32] = kind == 1 ? [5, 4] : [4, 5]
        writer.write(
            array: outgoing.map {
                ReliableStream.Outgoing(
                    id: $0, opcode: .control, payload: [], transmissions: 1, dueAt: self.at(0), laterAcknowledgements: 0
                )
            })
        let early: [UInt32] = kind == 2 ? [2] : kind == 3 ? [15] : [3, 14]
        writer.write(array: early.map { ReliableStream.Early(id: $0, payload: []) })
        writer.write(array: [UInt32]())
        writer.write(array: [UInt32]())
        var reader = try StateReader(writer.bytes, versions: 1...1)
        #expect(throws: StateError.invalidValue) { try reader.read(ReliableStream.self) }
    }
}
