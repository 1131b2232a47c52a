import VPNFormats
public import VPNProtocol

/// One simulated client and server, and what befalls them: everything follows from the seed.
public struct PairScenario: Sendable, CustomStringConvertible {
    /// How the client wraps its control packets.
    public enum Wrapping: String, Sendable, CaseIterable {
        /// One key for all.
        case tlsCrypt
        /// A key of the client's own, repeated with its second packet.
        case tlsCryptV2
        /// A key of the client's own, by a client that cannot repeat it.
        case tlsCryptV2Once
    }

    /// What everything follows from.
    public var seed: UInt64
    /// How the client wraps its control packets.
    public var wrapping: Wrapping
    /// The network between the two, the same both ways.
    public var link: LossyLink
    /// What the client says that it can do.
    public var clientFlags: ProtocolFlags
    /// The client begins a renegotiation at this age of a key; nil: never.
    public var clientRenegotiates: Duration?
    /// The server begins a renegotiation at this age of a key; nil: never.
    public var serverRenegotiates: Duration?
    /// Longest time that a key exchange may take, on both sides.
    public var handshakeWindow: Duration
    /// How long it goes on.
    public var length: Duration
    /// The server's session is replaced by what its written-out form reads as, after every step.
    public var recodesSessions: Bool
    /// The server's process is replaced by another that goes on with what the first wrote out.
    public var takesOverAt: Duration?
    /// How long the authorizer takes.
    public var decisionDelay: ClosedRange<Duration>

    /// Up to this loss every handshake must finish in its window.
    static let surelyConnectingLoss = 0.02

    /// A scenario of everything that varies.
    public init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        self.seed = seed
        self.wrapping = Wrapping.allCases.randomElement(using: &random) ?? .tlsCrypt
        let isClean = random.chance(0.3)
        self.link = LossyLink(
            loss: isClean ? 0 : Double.random(in: 0...0.15, using: &random),
            duplication: isClean ? 0 : Double.random(in: 0...0.1, using: &random),
            delay: .milliseconds(1) ... .milliseconds(isClean ? 1 : Int64.random(in: 1...80, using: &random)))
        let generations: [ProtocolFlags] = [
            // 2.4, 2.5, 2.6 and 2.7 as they announce themselves.
            .dataV2, [.dataV2, .requestPush], ProtocolFlags(rawValue: 990), ProtocolFlags(rawValue: 8_094), [],
        ]
        self.clientFlags = generations.randomElement(using: &random) ?? .dataV2
        self.handshakeWindow = .seconds(Int64.random(in: isClean ? 5...20 : 20...40, using: &random))
        self.clientRenegotiates = random.chance(0.5) ? .seconds(Int64.random(in: 3...15, using: &random)) : nil
        self.serverRenegotiates = random.chance(0.5) ? .seconds(Int64.random(in: 3...15, using: &random)) : nil
        self.length = .seconds(45)
        self.recodesSessions = random.chance(0.3)
        self.takesOverAt = random.chance(0.3) ? .seconds(Int64.random(in: 10...30, using: &random)) : nil
        self.decisionDelay = .zero ... .milliseconds(Int64.random(in: 0...400, using: &random))
    }

    /// The scenario in one line, its seed first.
    public var description: String {
        "seed \(self.seed): \(self.wrapping.rawValue), loss \(self.link.loss), flags \(self.clientFlags.rawValue), "
            + "renegotiation \(self.clientRenegotiates.map { "\($0)" } ?? "-") by the client, "
            + "\(self.serverRenegotiates.map { "\($0)" } ?? "-") by the server"
            + (self.recodesSessions ? ", recoded" : "") + (self.takesOverAt.map { ", taken over at \($0)" } ?? "")
    }
}

/// What a simulation found: a promise that does not hold.
public struct SimulationFailure: Error, Sendable, CustomStringConvertible {
    /// What was simulated.
    public let scenario: PairScenario
    /// Virtual time since the beginning.
    public let at: Duration
    /// The promise that was broken.
    public let message: String

    /// The scenario in one line, its seed first.
    public var description: String {
        "\(self.message) at \(self.at) (\(self.scenario)); run again with SEED=\(self.scenario.seed)"
    }
}
