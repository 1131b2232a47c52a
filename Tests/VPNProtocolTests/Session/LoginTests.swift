import ProtocolTestKit
import SimulationKit
import Testing
import VPNFormats

@testable import VPNProtocol

@Suite struct LoginTests {
    @Test(
        "Every client generation gets in, with a key for all and with one of its own, and data flows both ways",
        arguments: ClientGeneration.allCases, [false, true])
    func connecting(generation: ClientGeneration, ownKey: Bool) throws {
        let (rig, client) = try Fixture.live(generation, ownKey: ownKey)
        #expect(rig.sendData(from: client) && rig.sendData(to: client))
        let session = try #require(rig.serverSession(of: client))
        let flags = generation.peerInfo.protocolFlags
        #expect(session.usesExportedKeys == flags.contains(.tlsKeyExport))
        #expect((session.data.peerID != nil) == flags.contains(.dataV2))
        #expect((session.control.dynamic != nil) == flags.contains(.dynamicTLSCrypt))
        let options = try #require(client.options)
        #expect(options.contains("peer-id 0") == flags.contains(.dataV2))
        #expect(options.contains { $0.hasPrefix("protocol-flags") } == flags.contains(.controlChannelExit))
        #expect(
            options.contains("key-derivation tls-ekm")
                == (flags.contains(.tlsKeyExport) && !flags.contains(.controlChannelExit)))
        #expect(options.contains("ifconfig 10.99.0.2 255.255.0.0") && options.contains("route-gateway 10.99.0.1"))
        #expect(options.contains("ping 8") && options.contains("ping-restart 4"))
        #expect(options.contains("tun-mtu 1500") == (generation.peerInfo.maximumTunMTU != nil))
    }

    @Test("Nothing is pushed and no data passes before the decision")
    func beforeDecision() throws {
        let rig = try Fixture.rig(authorizer: { _ in nil })
        let client = rig.addClient(try Fixture.client(), path: Fixture.path())
        rig.advance(by: .seconds(20))
        #expect(rig.questions.count == 1 && client.options == nil && rig.live.isEmpty)
        let session = try #require(rig.serverSession(of: client))
        #expect(session.data.keys.isEmpty && session.data.sendingKey == nil && session.grant == nil)
        let question = try #require(rig.questions.first)
        #expect(rig.decide(question, .admit(Fixture.grant())))
        rig.settle()
        #expect(client.session.isLive)
        #expect(!rig.decide(question, .admit(Fixture.grant())))
        #expect(!rig.decide(question, .refuse(Refusal(text: "no"))))
        #expect(rig.serverSession(of: client)?.isLive == true)
    }

    @Test("An admission for a session that is over is not taken")
    func tooLate() throws {
        let rig = try Fixture.rig(authorizer: { _ in nil })
        _ = rig.addClient(try Fixture.client(), path: Fixture.path())
        rig.advance(by: .seconds(61))
        #expect(rig.ended.map(\.reason) == [.handshakeTimeout])
        let question = try #require(rig.questions.first)
        #expect(!rig.decide(question, .admit(Fixture.grant())))
        rig.advance(by: .seconds(10))
        #expect(!rig.decide(question, .admit(Fixture.grant())))
    }

    @Test("A decision for an exchange that was given up is none for a later one under the same key id")
    func abandonedTicket() throws {
        var isFirst = true
        let (rig, client) = try Fixture.live(
            authorizer: { request in
                defer { isFirst = false }
                return isFirst ? .admit(Fixture.grant()) : nil
            })
        rig.renegotiate(client)
        rig.settle()
        let stale = try #require(rig.questions.first)
        // The client gives up key id 1, tries 2, then 1 again.
        rig.isLost = { direction, _ in direction == .toClient }
        for kid in [2, 1] as [UInt8] {
            try rig.softReset(client, try .number(kid))
        }
        try rig.finishExchange(client, try .number(1))
        #expect(rig.questions.count == 2)
        let fresh = try #require(rig.questions.last)
        #expect(fresh.ticket.keyID == stale.ticket.keyID)
        #expect(!rig.decide(stale, .admit(Fixture.grant())))
        #expect(rig.serverSession(of: client)?.data.keys.count == 1)
        #expect(rig.decide(fresh, .admit(Fixture.grant())))
        #expect(rig.serverSession(of: client)?.data.keys.count == 2)
    }

    // MARK: Refusals

    private static let temporary = Refusal(.temporary(backoffSeconds: 7, advance: .address), text: "full")
    private static let temporaryStay = Refusal(.temporary(backoffSeconds: 2, advance: .no), text: "busy")

    @Test(
        "Each client generation is refused in the form that it obeys, at once or after the wait that it does not know",
        arguments: [
            (.openVPN24, Refusal(text: "no"), "AUTH_FAILED,no", 0),
            (.openVPN26, Refusal(text: "no"), "AUTH_FAILED,no", 0),
            (.openVPN3, Refusal(text: "no"), "AUTH_FAILED,no", 0),
            (.openVPN25, Refusal(.sessionExpired, text: "again"), "AUTH_FAILED,SESSION:again", 0),
            (.openVPN3, Refusal(.sessionExpired, text: "again"), "AUTH_FAILED,SESSION:again", 0),
            (.openVPN26, temporary, "AUTH_FAILED,TEMP[backoff 7,advance addr]:full", 0),
            (.openVPN27, temporary, "AUTH_FAILED,TEMP[backoff 7,advance addr]:full", 0),
            (.openVPN3, temporaryStay, "AUTH_FAILED,TEMP[backoff 2,advance no]:busy", 0),
            (.openVPN24, temporary, "RESTART,[NP]:full", 7), (.openVPN25, temporary, "RESTART,[NP]:full", 7),
            (.openVPN25, temporaryStay, "RESTART,[P]:busy", 2), (.openVPN3Old, temporary, "RESTART,[P]:full", 7),
        ] as [(ClientGeneration, Refusal, String, Int)])
    func refusals(generation: ClientGeneration, refusal: Refusal, text: String, seconds: Int) throws {
        let rig = try Fixture.rig(authorizer: { _ in .refuse(refusal) })
        let client = rig.addClient(try Fixture.client(generation), path: Fixture.path())
        rig.settle()
        if seconds > 0 {
            rig.advance(by: .seconds(seconds) - .milliseconds(100))
            #expect(client.farewell == nil && rig.ended.isEmpty)
            rig.advance(by: .milliseconds(200))
        }
        #expect(client.farewell == text)
        #expect(rig.ended.map(\.reason) == [.refused(refusal.text)])
        #expect(rig.serverSession(of: client)?.data.keys.isEmpty == true)
        rig.advance(by: .seconds(6))
        #expect(rig.server.sessionCount == 0 && rig.serverTLS.isEmpty && rig.server.connecting.isEmpty)
    }

    @Test("A refusal that waits is the last word: no later decision is taken, and it survives being written out")
    func delayedRefusal() throws {
        let rig = try Fixture.rig(authorizer: { _ in nil })
        let client = rig.addClient(try Fixture.client(.openVPN25), path: Fixture.path())
        rig.settle()
        let question = try #require(rig.questions.first)
        #expect(rig.decide(question, .refuse(Self.temporary)))
        #expect(!rig.decide(question, .admit(Fixture.grant())))
        rig.settle()
        try rig.server.recodeSessions()
        rig.advance(by: .seconds(8))
        #expect(client.farewell == "RESTART,[NP]:full" && rig.live.isEmpty)
    }

    @Test("No wait is longer than 10 seconds, nor than the handshake")
    func longestDelay() throws {
        let refusal = Refusal(.temporary(backoffSeconds: .max, advance: .no), text: "later")
        for window in [5, 60] {
            var settings = Fixture.settings()
            settings.handshakeWindow = .seconds(window)
            let rig = try Fixture.rig(settings: settings, authorizer: { _ in .refuse(refusal) })
            let client = rig.addClient(try Fixture.client(.openVPN25), path: Fixture.path())
            rig.advance(by: .seconds(min(window, 10)) + .milliseconds(50))
            #expect(client.farewell == "RESTART,[P]:later")
        }
    }

    @Test("A temporary refusal ends a live session at once, whatever the client knows")
    func refusedRenegotiation() throws {
        for refusal in [Self.temporary, Refusal(text: "revoked")] {
            var isFirst = true
            let (rig, client) = try Fixture.live(
                .openVPN25,
                authorizer: { request in
                    defer { isFirst = false }
                    #expect(request.isRenegotiation == !isFirst)
                    return isFirst ? .admit(Fixture.grant()) : .refuse(refusal)
                })
            rig.renegotiate(client)
            rig.settle()
            #expect(client.farewell != nil)
            #expect(rig.serverSession(of: client)?.data.keys.isEmpty == true)
            #expect(!rig.sendData(from: client) && !rig.sendData(to: client))
        }
    }

    @Test(
        "Clients that cannot be served are told why",
        arguments: [
            ("V4,dev-type tap,tls-client", "this server supports dev tun only"),
            ("V4,dev-type tun,mtu-dynamic,tls-client", "this server does not support --fragment"),
        ])
    func unsupported(options: String, text: String) throws {
        let rig = try Fixture.rig()
        let client = rig.addClient(try Fixture.client(.openVPN26, options: options), path: Fixture.path())
        rig.settle()
        #expect(client.farewell == "AUTH_FAILED,\(text)" && rig.questions.isEmpty)
    }

    @Test(
        "A session is ended with the words that the client obeys",
        arguments: [
            (.openVPN26, .restart(advance: true, text: "drain"), "RESTART,[NP]:drain"),
            (.openVPN26, .restart(advance: false, text: "again"), "RESTART,[P]:again"),
            (.openVPN24, .restart(advance: true, text: "drain"), "RESTART,[NP]:drain"),
            (.openVPN3, .restart(advance: true, text: "drain"), "RESTART,[P]:drain"),
            (.openVPN3Old, .restart(advance: true, text: "drain"), "RESTART,[P]:drain"),
            (.openVPN25, .halt(text: "bye"), "HALT,bye"),
            (.openVPN27, .refused(Refusal(text: "revoked")), "AUTH_FAILED,revoked"),
        ] as [(ClientGeneration, SessionEnding, String)])
    func endings(generation: ClientGeneration, ending: SessionEnding, text: String) throws {
        let (rig, client) = try Fixture.live(generation)
        rig.server.end(try #require(rig.live.first), ending, now: rig.moment)
        #expect(!rig.sendData(to: client))
        rig.settle()
        #expect(client.farewell == text && rig.ended.count == 1)
        rig.server.end(try #require(rig.live.first), ending, now: rig.moment)
        rig.advance(by: .seconds(6))
        #expect(rig.ended.count == 1 && rig.server.sessionCount == 0 && rig.server.byPath.isEmpty)
    }

    // MARK: Push

    @Test("Options of more than 1 KB come in several messages and arrive whole")
    func longPush() throws {
        let routes = try (0..<120).map { number in
            try PushOption("route 10.\(number).0.0 255.255.0.0")
        }
        for generation in [ClientGeneration.openVPN24, .openVPN26, .openVPN3] {
            let (_, client) = try Fixture.live(
                generation, authorizer: { _ in .admit(Fixture.grant(push: routes)) })
            let options = try #require(client.options)
            #expect(options.filter { $0.hasPrefix("route 10.") }.count == 120)
        }
    }

    @Test("Clients that announce it are configured without asking, others when they ask")
    func asking() throws {
        for (generation, waits) in [(ClientGeneration.openVPN24, true), (.openVPN25, false), (.openVPN26, false)] {
            let rig = try Fixture.rig()
            let client = rig.addClient(try Fixture.client(generation), path: Fixture.path())
            rig.settle()
            #expect(client.session.isLive == !waits)
            rig.advance(by: .seconds(2))
            #expect(client.session.isLive)
        }
    }

    @Test("A renegotiation brings the next token over the new key")
    func tokens() throws {
        var count = 0
        let (rig, client) = try Fixture.live(
            authorizer: { _ in
                count += 1
                return .admit(Fixture.grant(token: "SESS_ID_AT_\(count)"))
            })
        #expect(client.session.pushed.contains("auth-token SESS_ID_AT_1"))
        rig.renegotiate(client)
        rig.settle()
        #expect(client.session.pushed.last == "auth-token SESS_ID_AT_2")
        #expect(rig.serverSession(of: client)?.grant?.authToken == nil)
    }
}

extension EndpointRig {
    /// A client's SOFT_RESET under a key id of the test's choice, as OpenVPN 2 sends it.
    func softReset(_ client: Client, _ keyID: KeyID) throws {
        self.inject(self.forgeDynamic(client, .softReset, keyID: keyID, messageID: 0, payload: []), from: client.path)
    }

    /// A packet of a key id above 0, wrapped in the session's own key where it has one.
    func forgeDynamic(
        _ client: Client, _ opcode: Opcode, keyID: KeyID, messageID: UInt32, payload: [UInt8]
    ) -> [UInt8] {
        let key = self.serverSession(of: client)?.control.dynamic?.wrap.key
        self.forgedID += 1
        return self.forge(
            client, opcode, keyID: keyID, id: self.forgedID,
            body: ControlBody(messageID: messageID, payload: payload), key: key)
    }

    /// Goes through TLS and the key method message on a key id, as a client that is no state machine of ours.
    ///
    /// - Parameter firstID: The message id that the TLS begins with.
    func finishExchange(_ client: Client, _ keyID: KeyID, firstID: UInt32 = 1) throws {
        var tls = ScriptedTLS(role: .client, random: &self.random)
        var messageID = firstID
        func send(_ bytes: [UInt8]) {
            var rest = bytes[...]
            while !rest.isEmpty {
                let part = Array(rest.prefix(1_000))
                rest = rest.dropFirst(1_000)
                self.inject(
                    self.forgeDynamic(client, .control, keyID: keyID, messageID: messageID, payload: part),
                    from: client.path)
                messageID += 1
            }
        }
        send(try #require(tls.perform(.feed([]), random: &self.random)).ciphertext)
        // The server's flight, as its stream holds it.
        let outgoing =
            try #require(self.serverSession(of: client)).control.streams
            .first { $0.keyID == keyID }?.stream.outgoing.filter { $0.opcode == .control } ?? []
        let answer = try #require(tls.perform(.feed(outgoing.flatMap(\.payload)), random: &self.random))
        send(answer.ciphertext)
        let message = try #require(
            ClientKeyMessage(
                preMaster: [UInt8](repeating: 1, count: 48), random: KeyExchangeRandom(using: &self.random),
                options: client.session.settings.options, credentials: client.session.settings.credentials,
                peerInfo: client.session.settings.peerInfo))
        send(try #require(tls.perform(.write(message.bytes), random: &self.random)).ciphertext)
    }
}
