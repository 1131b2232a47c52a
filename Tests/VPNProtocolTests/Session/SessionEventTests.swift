import ProtocolTestKit
import SimulationKit
import Testing
import VPNFormats

@testable import VPNProtocol

/// Every event in every state: what it does, and above all what it does not.
@Suite struct SessionEventTests {
    enum State: String, CaseIterable { case handshaking, deciding, admitted, live, renegotiating, ending }
    enum Event: String, CaseIterable {
        case duplicateControl, pushRequest, exit, noise, tlsFailed, oversizedBacklog, tick, deadline, end, leave, data,
            softReset, strayDecision, serverReset
    }

    /// A session in a state, of a certain client where one is given and the state allows it.
    func rig(in state: State, _ given: ClientGeneration? = nil) throws -> (EndpointRig, EndpointRig.Client) {
        var count = 0
        let rig = try Fixture.rig(authorizer: { _ in
            count += 1
            return state == .deciding || (state == .renegotiating && count == 2) ? nil : .admit(Fixture.grant())
        })
        // 2.4 asks for its configuration after a second: until then it is admitted.
        let generation: ClientGeneration = state == .admitted ? .openVPN24 : given ?? .openVPN26
        let client = rig.addClient(try Fixture.client(generation), path: Fixture.path())
        if state == .handshaking {
            rig.isLost = { direction, packet in direction == .toClient && packet[0] >> 3 != 8 }
        }
        rig.settle()
        if generation == .ancient, state != .handshaking, state != .deciding { rig.advance(by: .seconds(2)) }
        switch state {
        case .handshaking, .deciding, .admitted, .live: break
        case .renegotiating:
            rig.renegotiate(client)
            rig.settle()
            #expect(rig.questions.count == 1)
        case .ending:
            rig.server.end(try #require(rig.live.first), .halt(text: "bye"), now: rig.moment)
            rig.settle()
        }
        let session = try #require(rig.serverSession(of: client))
        switch state {
        case .handshaking, .deciding: #expect(session.phase == .connecting)
        case .admitted: #expect(session.phase == .admitted)
        case .live, .renegotiating: #expect(session.phase == .live)
        case .ending: #expect(session.isOver)
        }
        return (rig, client)
    }

    private func apply(_ event: Event, to rig: EndpointRig, _ client: EndpointRig.Client) throws {
        let handle = try #require(rig.serverSession(of: client)).handle
        let newest = try #require(rig.serverSession(of: client)?.exchanges.last?.id)
        switch event {
        case .duplicateControl:
            rig.inject(rig.forge(client, .control, id: 5_000, body: ControlBody(messageID: 0)), from: client.path)
        case .pushRequest: rig.say(ControlMessage.pushRequest.bytes, by: client)
        case .exit: rig.say(ControlMessage.exit.bytes, by: client)
        case .noise: rig.inject([UInt8](repeating: 0x20, count: 200), from: client.path)
        case .tlsFailed:
            rig.server.tlsProgress(
                slot: 0, handle: handle, keyID: newest, TLSOutput(status: .failed("broken")), now: rig.moment)
        case .oversizedBacklog:
            rig.server.tlsProgress(
                slot: 0, handle: handle, keyID: newest, TLSOutput(ciphertext: [UInt8](repeating: 0, count: 300_000)),
                now: rig.moment)
        case .tick: rig.server.tick(now: rig.moment)
        case .deadline:
            rig.isLost = { _, _ in true }
            rig.advance(by: .seconds(61))
        case .end: rig.server.end(handle, .restart(advance: true, text: "drain"), now: rig.moment)
        case .leave: rig.server.leave(slot: 0, now: rig.moment)
        case .data:
            _ = rig.server.slot(peerID: try #require(PeerID(rawValue: 0)))
            _ = rig.sendData(from: client)
        case .softReset: try rig.softReset(client, try .number(5))
        case .strayDecision:
            let ticket = LoginTicket(keyID: newest, exchange: 77)
            let isTaken = rig.server.decide(handle, ticket, .admit(Fixture.grant()), now: rig.moment)
            #expect(!isTaken)
        case .serverReset:
            rig.inject(
                rig.forge(client, .hardResetServerV2, id: 5_001, body: ControlBody(messageID: 1, payload: [9])),
                from: client.path)
        }
        rig.settle()
    }

    /// Whether the session is over after this.
    private func ends(_ event: Event, in state: State) -> Bool {
        switch event {
        case .end, .leave, .deadline: true
        case .exit: state == .deciding || state == .admitted || state == .live || state == .renegotiating
        case .tlsFailed: state == .handshaking || state == .deciding
        case .oversizedBacklog: state != .renegotiating
        case .duplicateControl, .pushRequest, .noise, .tick, .data, .softReset, .strayDecision, .serverReset: false
        }
    }

    @Test("Each event in each state", arguments: State.allCases, Event.allCases)
    func table(state: State, event: Event) throws {
        let (rig, client) = try self.rig(in: state)
        let wasLive = rig.serverSession(of: client)?.isLive == true
        let decisions = rig.questions.count
        try self.apply(event, to: rig, client)
        let isOver = rig.serverSession(of: client)?.isOver ?? true
        #expect(isOver == (state == .ending || self.ends(event, in: state)))
        #expect(rig.questions.count == decisions)
        #expect(rig.ended.count == (isOver ? 1 : 0))
        if isOver {
            #expect(rig.serverSession(of: client)?.data.keys.isEmpty ?? true)
            #expect(!rig.sendData(from: client) && !rig.sendData(to: client))
        } else if wasLive, !(state == .renegotiating && event == .softReset) {
            // A client that begins anew before the answer to its login has forgotten the key that the server still sends with.
            #expect(rig.sendData(to: client))
        }
        // Whatever happened: in the end nothing is left.
        rig.isLost = { _, _ in true }
        rig.advance(by: .seconds(120))
        #expect(rig.server.sessionCount == 0 && rig.serverTLS.isEmpty)
        #expect(rig.server.connecting.isEmpty && rig.server.byPath.isEmpty && rig.server.bySession.isEmpty)
        #expect(rig.server.nextDeadline() == nil)
        #expect(rig.ended.count == 1)
    }

    @Test("A client that says goodbye and closes TLS in one breath has left")
    func exitAndClose() throws {
        let (rig, client) = try Fixture.live()
        let handle = try #require(rig.live.first)
        rig.server.tlsProgress(
            slot: 0, handle: handle, keyID: .initial,
            TLSOutput(records: [ControlMessage.exit.bytes], status: .failed("closed")), now: rig.moment)
        #expect(rig.serverSession(of: client)?.isOver == true)
        rig.settle()
        #expect(rig.ended.map(\.reason) == [.clientExit])
    }

    @Test("A peer that feeds TLS without end before its login is dropped")
    func endlessHandshake() throws {
        let rig = try Fixture.rig(authorizer: { _ in nil })
        let client = rig.addClient(try Fixture.client(), path: Fixture.path())
        rig.settle()
        var messageID = try #require(rig.serverSession(of: client)?.control.streams.first?.stream.nextReceiveID)
        // Almost there; then a record that never ends.
        rig.server.sessions[0]?.exchanges[0].unprovenBytes = KeyExchange.unprovenBytesLimit - 30_000
        var payload: [UInt8] = [4, 255, 255] + [UInt8](repeating: 0, count: 997)
        var sent = 0
        while rig.ended.isEmpty, sent < 40 {
            rig.forgedID += 1
            rig.inject(
                rig.forge(
                    client, .control, id: rig.forgedID, body: ControlBody(messageID: messageID, payload: payload)),
                from: client.path)
            messageID += 1
            sent += 1
            payload = [UInt8](repeating: 0, count: 1_000)
        }
        #expect(sent == 31)
        #expect(rig.ended.map(\.reason) == [.protocolError("too much data before login")])
    }

    @Test(
        "Keepalive: a client that pings every 8 s stays, one that is silent for 30 s is gone; the server pings every second"
    )
    func keepalive() throws {
        let (rig, client) = try Fixture.live()
        for _ in 0..<20 {
            rig.advance(by: .seconds(8))
            #expect(rig.sendData(from: client))
        }
        #expect(rig.pings >= 155 && rig.pings <= 170)
        rig.advance(by: .milliseconds(29_900))
        #expect(rig.ended.isEmpty)
        rig.advance(by: .milliseconds(200))
        #expect(rig.ended.map(\.reason) == [.timeout])
    }

    @Test("A client that acknowledges nothing costs a packet every 32 s at most, and is gone with its window")
    func acknowledgesNothing() throws {
        let rig = try Fixture.rig(authorizer: { _ in nil })
        rig.isLost = { direction, packet in direction == .toClient && packet[0] >> 3 != 8 }
        _ = rig.addClient(try Fixture.client(), path: Fixture.path())
        rig.advance(by: .seconds(60))
        #expect(rig.sent.count < 60)
        rig.isLost = { _, _ in true }
        rig.advance(by: .seconds(10))
        #expect(rig.server.sessionCount == 0)
        let count = rig.sent.count
        rig.advance(by: .seconds(100))
        #expect(rig.sent.count == count)
    }

    // MARK: Where the client is

    @Test("A client with a peer id may move; only its newest authentic packet says where it is")
    func floating() throws {
        let (rig, client) = try Fixture.live()
        let old = client.path
        let new = Fixture.path(9)
        let taken = client.session.data.takeSlot(bytes: 1, now: rig.now)
        let late = try #require(taken)
        #expect(rig.sendData(from: client, path: new))
        #expect(rig.serverSession(of: client)?.path == new)
        #expect(rig.deliver(late, from: client, path: old))
        #expect(rig.serverSession(of: client)?.path == new)
        #expect(!rig.deliver(late, from: client, path: old))
        #expect(rig.serverSession(of: client)?.path == new)
    }

    @Test(
        "Control packets from elsewhere count under a client's own key alone, and never move it",
        arguments: [false, true])
    func controlFromElsewhere(ownKey: Bool) throws {
        let (rig, client) = try Fixture.live(.openVPN24, ownKey: ownKey)
        let path = client.path
        let drops = rig.server.drops[.foreignSession]
        let packet = rig.forge(client, .control, id: 900, body: ControlBody(messageID: 0))
        rig.inject(packet, from: Fixture.path(8))
        #expect((rig.server.drops[.foreignSession] == drops) == ownKey)
        #expect(rig.serverSession(of: client)?.path == path)
    }

    @Test(
        "A client without peer id is known by its path, no slot number finds it, and its path is free when it is gone")
    func withoutPeerID() throws {
        let (rig, client) = try Fixture.live(.ancient)
        #expect(rig.server.slot(path: client.path) == 0)
        #expect(rig.server.slot(peerID: try #require(PeerID(rawValue: 0))) == nil)
        rig.server.leave(slot: 0, now: rig.moment)
        rig.settle()
        #expect(rig.server.byPath.isEmpty && rig.server.slot(path: client.path) == nil)
    }

    @Test("A second login from the same address lives beside the first until that falls silent")
    func secondSession() throws {
        for generation in [ClientGeneration.ancient, .openVPN26] {
            let (rig, client) = try Fixture.live(generation)
            let again = rig.addClient(try Fixture.client(generation), path: client.path)
            rig.advance(by: .seconds(2))
            #expect(again.session.isLive && rig.live.count == 2 && rig.server.sessionCount == 2)
            #expect(rig.sendData(from: again) && rig.sendData(to: again))
            for _ in 0..<40 {
                rig.advance(by: .seconds(1))
                _ = rig.sendData(from: again)
            }
            #expect(rig.server.sessionCount == 1 && rig.serverSession(of: again)?.isLive == true)
            #expect(rig.sendData(from: again) && rig.sendData(to: again))
        }
    }

    @Test("A late packet of a session that is over brings nothing back")
    func latePackets() throws {
        let (rig, client) = try Fixture.live()
        var recorded: [[UInt8]] = []
        rig.isLost = { direction, packet in
            if direction == .toServer { recorded.append(packet) }
            return false
        }
        rig.renegotiate(client)
        rig.settle()
        rig.say(ControlMessage.exit.bytes, by: client)
        rig.settle()
        rig.isLost = { _, _ in false }
        for packet in recorded { rig.inject(packet, from: client.path) }
        #expect(rig.ended.count == 1 && rig.live.count == 1)
        rig.advance(by: .seconds(10))
        for packet in recorded { rig.inject(packet, from: client.path) }
        #expect(rig.server.sessionCount == 0)
    }
}
