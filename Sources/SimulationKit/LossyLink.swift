public import VPNProtocol

/// A network path that loses, repeats, delays and so reorders packets.
public struct LossyLink: Sendable {
    /// Probability that a packet is lost, and that it arrives twice.
    public var loss: Double
    /// Probability that a packet arrives twice.
    public var duplication: Double
    /// Each packet takes a time of its own out of this range.
    public var delay: ClosedRange<Duration>

    /// A link; by default one that delivers everything at once.
    public init(loss: Double = 0, duplication: Double = 0, delay: ClosedRange<Duration> = .zero ... .zero) {
        self.loss = loss
        self.duplication = duplication
        self.delay = delay
    }

    /// When a packet that is sent now arrives: not at all, once or twice.
    public func arrivals(at now: Instant, using random: inout SeededRandom) -> [Instant] {
        guard !random.chance(self.loss) else { return [] }
        var instants = [now.advanced(by: self.sample(using: &random))]
        if random.chance(self.duplication) { instants.append(now.advanced(by: self.sample(using: &random))) }
        return instants
    }

    private func sample(using random: inout SeededRandom) -> Duration {
        let spread = self.delay.upperBound - self.delay.lowerBound
        return self.delay.lowerBound + spread * Double.random(in: 0...1, using: &random)
    }
}
