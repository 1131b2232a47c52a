import ProtocolTestKit
import SimulationKit
import Testing
import VPNFormats

@testable import VPNProtocol

/// Keys, settings and clients that the tests of sessions and endpoints share.
enum Fixture {
    static let crypto = TestCryptography()

    static func sharedKey() throws -> StaticKey {
        try StaticKey(bytes: (0..<StaticKey.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) })
    }

    static func ownKey(_ number: UInt8 = 1) throws -> StaticKey {
        try StaticKey(bytes: (0..<StaticKey.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 11 &+ Int(number)) })
    }

    static func serverKey() throws -> TLSCryptV2ServerKey {
        try TLSCryptV2ServerKey(bytes: (0..<128).map { UInt8($0) })
    }

    static let tunnel = TunnelNetwork(ipv4: IPv4Prefix("10.99.0.0/16"))

    static func settings() -> ServerSettings {
        ServerSettings(renegotiateAfter: nil, tunnel: tunnel)
    }

    static func wrapping() throws -> WrappingKeys {
        WrappingKeys(tlsCryptV2: [try serverKey()], tlsCrypt: [try sharedKey()])
    }

    static func grant(token: String? = nil, push: [PushOption] = []) -> Grant {
        Grant(
            name: "ann", ipv4: IPv4Address("10.99.0.2"), ipv6: nil, push: push, authToken: token,
            keepalive: Keepalive())
    }

    static func path(_ number: Int = 1, port: UInt16 = 40_000) -> NetworkPath {
        NetworkPath(
            remote: SocketAddress(
                ip: .v4(IPv4Address(bits: 0xCB00_7100 + UInt32(number % 256))), port: port + UInt16(number / 256)))
    }

    static let optionText = "V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,cipher AES-256-GCM,tls-client"

    /// A profile of one key for all, or of the client's own key.
    static func client(
        _ generation: ClientGeneration = .openVPN26, ownKey: Bool = false, options: String = optionText,
        credentials: Credentials = Credentials(username: "ann", password: "secret")
    ) throws -> ClientSettings {
        let key = ownKey ? try Fixture.ownKey() : try sharedKey()
        let wrapped =
            ownKey
            ? try WrappedClientKey.seal(key: key, metadata: nil, serverKey: try serverKey(), crypto: crypto) : nil
        return generation.settings(
            wrapKey: key, wrappedKey: wrapped, credentials: credentials,
            options: try #require(OCCOptions(text: options)))
    }

    static func rig(
        settings: ServerSettings = settings(), limits: EndpointLimits = EndpointLimits(), seed: UInt64 = 1,
        authorizer: @escaping (LoginRequest) -> LoginDecision? = { _ in .admit(grant()) }
    ) throws -> EndpointRig {
        EndpointRig(
            settings: settings, wrapping: try wrapping(), limits: limits, seed: seed, crypto: crypto,
            authorizer: authorizer)
    }

    /// A rig with one client that is live.
    static func live(
        _ generation: ClientGeneration = .openVPN26, ownKey: Bool = false, settings: ServerSettings = settings(),
        authorizer: @escaping (LoginRequest) -> LoginDecision? = { _ in .admit(grant()) }
    ) throws -> (rig: EndpointRig, client: EndpointRig.Client) {
        let rig = try rig(settings: settings, authorizer: authorizer)
        let client = rig.addClient(try Fixture.client(generation, ownKey: ownKey), path: path())
        rig.advance(by: .seconds(3))
        try #require(client.session.isLive)
        return (rig, client)
    }
}

extension EndpointRig {
    /// A control packet of a client's, wrapped with the right key, with any content.
    func forge(
        _ client: Client, _ opcode: Opcode, keyID: KeyID = .initial, id: UInt32, body: ControlBody,
        key: StaticKey? = nil, session: SessionID? = nil
    ) -> [UInt8] {
        ControlWrap(key: key ?? client.session.settings.wrapKey, role: .client).seal(
            header: PacketHeader(opcode, keyID), session: session ?? client.session.session,
            packetID: LongPacketID(id: id, time: self.moment.wireSeconds), body: body.bytes, crypto: self.crypto)
    }

    /// What a datagram of the server's says, read with a client's key.
    func open(_ packet: [UInt8], for client: Client) -> (opened: ControlWrap.Opened, body: ControlBody)? {
        ControlWrap(key: client.session.settings.wrapKey, role: .client).open(packet, crypto: self.crypto)
            .flatMap { opened in
                ControlBody(opcode: opened.header.opcode, bytes: opened.body).map { (opened, $0) }
            }
    }
}

extension KeyID {
    static func number(_ value: UInt8) throws -> KeyID { try #require(KeyID(rawValue: value)) }
}
