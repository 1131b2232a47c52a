package import VPNProtocol

/// A stand-in for a TLS object that follows from its seed: flights of the usual sizes, then records. It protects
/// nothing; the control channel around it must deliver its bytes in order and once, or it fails.
package struct ScriptedTLS {
    package enum Role { case client, server }

    private enum Message: UInt8 {
        case hello = 1
        case reply, finished, record
    }

    private let role: Role
    private let random: UInt64
    private var peerRandom: UInt64?
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    private var isEstablished = false
    private var isReported = false
    private var hasFailed = false

    package init(role: Role, random: inout SeededRandom) {
        self.role = role
        self.random = random.next()
        if role == .client { self.emit(.hello, bytes: Int.random(in: 250...1_700, using: &random)) }
    }

    /// As the engine's TLS objects: carries out a command, and says what came of it.
    package mutating func perform(_ command: TLSCommand, random: inout SeededRandom) -> TLSOutput? {
        var output = TLSOutput()
        switch command {
        case .open, .close: break
        case .write(let message): if self.isEstablished { self.emit(.record, content: message) }
        case .feed(let bytes):
            self.input += bytes
            while let (message, content) = self.nextMessage() {
                self.take(message, content, random: &random, output: &output)
            }
        }
        if self.hasFailed { output.status = .failed("bytes out of order") }
        if self.isEstablished, !self.isReported {
            self.isReported = true
            output.status = .established(self.facts())
        }
        output.ciphertext = self.output
        self.output = []
        return output
    }

    private mutating func take(
        _ message: Message, _ content: [UInt8], random: inout SeededRandom, output: inout TLSOutput
    ) {
        switch (message, self.role, self.isEstablished) {
        case (.hello, .server, false):
            self.readRandom(content)
            self.emit(.reply, bytes: Int.random(in: 600...2_600, using: &random))
        case (.reply, .client, false):
            self.readRandom(content)
            self.emit(.finished, bytes: 80)
            self.isEstablished = true
        case (.finished, .server, false):
            self.isEstablished = true
        case (.record, _, true):
            output.records.append(content)
        default:
            self.hasFailed = true
        }
    }

    private mutating func readRandom(_ content: [UInt8]) {
        self.peerRandom = content.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Message type, 16-bit length, content.
    private mutating func nextMessage() -> (Message, [UInt8])? {
        guard self.input.count >= 3 else { return nil }
        guard let message = Message(rawValue: self.input[0]) else {
            self.hasFailed = true
            self.input = []
            return nil
        }
        let length = Int(self.input[1]) << 8 | Int(self.input[2])
        guard self.input.count >= 3 + length else { return nil }
        let content = Array(self.input[3..<(3 + length)])
        self.input.removeFirst(3 + length)
        return (message, content)
    }

    private mutating func emit(_ message: Message, bytes: Int) {
        let random = (0..<8).map { UInt8(truncatingIfNeeded: self.random >> (56 - 8 * UInt64($0))) }
        self.emit(message, content: random + [UInt8](repeating: 0x5A, count: max(0, bytes - 8)))
    }

    private mutating func emit(_ message: Message, content: [UInt8]) {
        self.output += [message.rawValue, UInt8(content.count >> 8), UInt8(content.count & 255)] + content
    }

    private func facts() -> TLSFacts {
        let mine = self.random
        let other = self.peerRandom ?? 0
        let shared = self.role == .client ? mine &* 31 &+ other : other &* 31 &+ mine
        var generator = SeededRandom(seed: shared)
        let material = { (count: Int) in (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) } }
        return TLSFacts(
            dataKeyMaterial: material(KeyMaterial.byteCount), dynamicWrapMaterial: material(KeyMaterial.byteCount),
            peerCertificate: [0x30], version: "TLSv1.3")
    }
}
