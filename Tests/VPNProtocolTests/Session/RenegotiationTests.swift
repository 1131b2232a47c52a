import ProtocolTestKit
import SimulationKit
import Testing
import VPNFormats

@testable import VPNProtocol

@Suite struct RenegotiationTests {
    private static let generations: [ClientGeneration] = [.ancient, .openVPN24, .openVPN26, .openVPN3]

    private func keyIDs(_ rig: EndpointRig, _ client: EndpointRig.Client) -> [UInt8] {
        rig.serverSession(of: client)?.data.keys.map(\.id.rawValue) ?? []
    }

    private func sendingKey(_ rig: EndpointRig, _ client: EndpointRig.Client) -> UInt8? {
        rig.serverSession(of: client)?.data.sendingKey?.rawValue
    }

    @Test("Client, server or both begin: one new key, and data flows throughout", arguments: generations, 0..<3)
    func beginning(generation: ClientGeneration, by kind: Int) throws {
        let (rig, client) = try Fixture.live(generation)
        let handle = try #require(rig.live.first)
        if kind != 0 { rig.server.renegotiate(handle, now: rig.moment) }
        if kind != 1 { rig.renegotiate(client) }
        rig.settle()
        #expect(self.keyIDs(rig, client) == [0, 1])
        #expect(client.session.data.keys.map(\.id.rawValue) == [0, 1])
        #expect(self.sendingKey(rig, client) == 0)
        for _ in 0..<124 {
            rig.advance(by: .seconds(1))
            #expect(rig.sendData(from: client) && rig.sendData(to: client))
        }
        // The client has switched; the server followed as soon as it heard of it, and forgot the old key.
        #expect(self.sendingKey(rig, client) == 1)
        #expect(self.keyIDs(rig, client) == [1])
        #expect(rig.serverTLS[handle]?.count == 1 && rig.ended.isEmpty)
    }

    @Test("The server does not switch before the client is heard under the new key, or has had the time to switch")
    func switching() throws {
        let (rig, client) = try Fixture.live()
        rig.renegotiate(client)
        rig.settle()
        for _ in 0..<58 {
            rig.advance(by: .seconds(1))
            #expect(rig.sendData(from: client))
            #expect(self.sendingKey(rig, client) == 0)
        }
        rig.advance(by: .seconds(4))
        #expect(self.sendingKey(rig, client) == 1)
    }

    @Test("A key whose exchange the client never acknowledged is not used to send, and is given up")
    func unacknowledged() throws {
        let (rig, client) = try Fixture.live()
        rig.renegotiate(client)
        // From the server's key method message on nothing of kid 1 reaches the client.
        rig.isLost = { direction, packet in
            direction == .toClient && packet[0] & 7 == 1
                && rig.serverSession(of: client)?.exchanges.contains { $0.isKeyed && $0.id.rawValue == 1 } == true
        }
        rig.settle()
        #expect(self.keyIDs(rig, client) == [0, 1])
        for _ in 0..<125 {
            rig.advance(by: .seconds(1))
            _ = rig.sendData(from: client)
            #expect(self.sendingKey(rig, client) == 0)
        }
        #expect(self.keyIDs(rig, client) == [0] && rig.ended.isEmpty)
        #expect(rig.sendData(to: client))
    }

    @Test("A SOFT_RESET that comes twice begins one renegotiation")
    func twice() throws {
        let (rig, client) = try Fixture.live()
        rig.isLost = { direction, _ in direction == .toClient }
        for _ in 0..<3 { try rig.softReset(client, try .number(1)) }
        #expect(rig.serverSession(of: client)?.exchanges.map(\.id.rawValue) == [0, 1])
        #expect(rig.serverSession(of: client)?.exchangeCount == 2)
    }

    @Test(
        "A SOFT_RESET under another key id than ours is adopted: its id counts", arguments: 2...7 as ClosedRange<UInt8>)
    func otherKeyID(kid: UInt8) throws {
        let (rig, client) = try Fixture.live()
        rig.isLost = { direction, _ in direction == .toClient }
        rig.server.renegotiate(try #require(rig.live.first), now: rig.moment)
        rig.settle()
        #expect(rig.serverSession(of: client)?.exchanges.map(\.id.rawValue) == [0, 1])
        try rig.softReset(client, try .number(kid))
        #expect(rig.serverSession(of: client)?.exchanges.map(\.id.rawValue) == [0, kid])
        try rig.finishExchange(client, try .number(kid))
        #expect(self.keyIDs(rig, client) == [0, kid])
    }

    @Test("Key id 0 never begins again, not even when its first holder is gone")
    func keyIDZero() throws {
        let (rig, client) = try Fixture.live(.openVPN24)
        rig.renegotiate(client)
        for _ in 0..<130 {
            rig.advance(by: .seconds(1))
            _ = rig.sendData(from: client)
        }
        #expect(self.keyIDs(rig, client) == [1])
        try rig.softReset(client, .initial)
        #expect(rig.serverSession(of: client)?.exchanges.map(\.id.rawValue) == [1])
        #expect(rig.server.drops[.malformed] == 1)
    }

    @Test("SOFT_RESET begins nothing before the session is live, nor when it is over", arguments: [false, true])
    func notLive(isOver: Bool) throws {
        let rig = try Fixture.rig(authorizer: { _ in isOver ? .refuse(Refusal(text: "no")) : nil })
        let client = rig.addClient(try Fixture.client(.openVPN24), path: Fixture.path())
        rig.settle()
        try rig.softReset(client, try .number(1))
        #expect(rig.serverSession(of: client)?.exchanges.map(\.id.rawValue) == [0])
        #expect(rig.server.drops[.unknownKey] == 1)
    }

    @Test("OpenVPN 3 answers our SOFT_RESET with its ClientHello at once: that is message 0 of its stream")
    func openVPN3() throws {
        let (rig, client) = try Fixture.live(.openVPN3)
        rig.isLost = { direction, _ in direction == .toClient }
        rig.server.renegotiate(try #require(rig.live.first), now: rig.moment)
        rig.settle()
        try rig.finishExchange(client, try .number(1), firstID: 0)
        #expect(self.keyIDs(rig, client) == [0, 1])
    }

    @Test("Late packets of key id 0 count under the session's own key too (OpenVPN 3)")
    func lateKeyIDZero() throws {
        let (rig, client) = try Fixture.live(.openVPN3)
        let received = try #require(rig.serverSession(of: client)?.control.streams.first?.stream.nextReceiveID)
        rig.isLost = { direction, _ in direction == .toClient }
        rig.inject(
            rig.forgeDynamic(
                client, .control, keyID: .initial, messageID: received, payload: [4, 0, 5] + Array("EXIT".utf8) + [0]),
            from: client.path)
        #expect(rig.ended.map(\.reason) == [.clientExit])
    }

    @Test("Renegotiations without end use ids 1 to 7 in turn, never more than three keys, and leave nothing behind")
    func many() throws {
        let (rig, client) = try Fixture.live()
        let handle = try #require(rig.live.first)
        for round in 1...30 {
            if round.isMultiple(of: 2) {
                rig.renegotiate(client)
            } else {
                rig.server.renegotiate(handle, now: rig.moment)
            }
            rig.settle()
            #expect(self.keyIDs(rig, client).last == UInt8((round - 1) % 7 + 1))
            for _ in 0..<7 {
                rig.advance(by: .seconds(9))
                #expect(rig.sendData(from: client) && rig.sendData(to: client))
            }
            #expect(self.keyIDs(rig, client).count <= 3)
        }
        let session = try #require(rig.serverSession(of: client))
        #expect(session.exchanges.count == session.control.streams.count)
        #expect(rig.serverTLS[handle]?.count == session.exchanges.count)
    }

    @Test("The server begins by itself when a key is old, and again later when nobody answers")
    func byAge() throws {
        var settings = Fixture.settings()
        settings.renegotiateAfter = .seconds(100)
        let (rig, client) = try Fixture.live(settings: settings)
        rig.isLost = { direction, packet in direction == .toClient && packet[0] & 7 != 0 }
        var begun: Set<UInt32> = []
        for _ in 0..<600 {
            rig.advance(by: .seconds(1))
            #expect(rig.sendData(from: client) && rig.sendData(to: client))
            begun.insert(rig.serverSession(of: client)?.exchangeCount ?? 0)
        }
        #expect(begun.count > 2 && begun.count < 8)
        rig.isLost = { _, _ in false }
        for _ in 0..<150 {
            rig.advance(by: .seconds(1))
            _ = rig.sendData(from: client)
        }
        #expect(self.keyIDs(rig, client).count >= 1 && self.sendingKey(rig, client) != 0)
    }

    @Test("A worn key is renewed by the server")
    func worn() throws {
        let (rig, client) = try Fixture.live()
        let slot = try #require(rig.live.first.flatMap { rig.server.slot(handle: $0) })
        rig.server.sessions[slot]?.data.wear(packetID: 0xFF00_0000)
        rig.advance(by: .seconds(2))
        #expect(self.keyIDs(rig, client) == [0, 1])
    }

    @Test("A renegotiation whose TLS fails leaves the session as it was", arguments: [false, true])
    func tlsFails(afterKeys: Bool) throws {
        let (rig, client) = try Fixture.live()
        if afterKeys {
            rig.renegotiate(client)
            rig.settle()
        } else {
            rig.isLost = { direction, _ in direction == .toClient }
            try rig.softReset(client, try .number(1))
        }
        let handle = try #require(rig.live.first)
        rig.server.tlsProgress(
            slot: 0, handle: handle, keyID: try .number(1), TLSOutput(status: .failed("broken")), now: rig.moment)
        rig.settle()
        #expect(self.keyIDs(rig, client) == (afterKeys ? [0, 1] : [0]))
        #expect(rig.sendData(from: client) && rig.sendData(to: client) && rig.ended.isEmpty)
    }
}

extension DataChannel {
    /// As if so many packets had been sent.
    fileprivate mutating func wear(packetID: UInt64) {
        var keys = self.keys
        self.removeAll()
        for index in keys.indices {
            keys[index].nextPacketID = packetID
            self.install(keys[index])
        }
    }
}
