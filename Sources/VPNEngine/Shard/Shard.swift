internal import VPNFormats
internal import VPNProtocol

/// One thread of the engine: its sockets, its tun queue and all sessions that arrive there. Straight-line code, nothing
/// suspends.
///
/// Everything but the mailbox is touched on the shard's own thread alone, which is what makes the unchecked
/// conformance sound: `run()` is called once, on that thread, and nobody else holds a reference that calls in.
@safe
final class Shard: @unchecked Sendable {
    /// Datagrams taken from one socket, or packets from the tunnel, before others get their turn.
    static let batchRounds = 4
    static let tunnelBurst = 128
    /// An inner packet with room in front for header and tag.
    static let packetBytes = 65_536 + 64
    static let headroomBytes = 64

    enum Token {
        static let mailbox: UInt64 = 0
        static let tunnel: UInt64 = 1
        static let firstSocket: UInt64 = 16
    }

    let mailbox: Mailbox
    let authorizer: any Authorizer
    let onEvent: @Sendable (EngineEvent) -> Void
    let onStopped: @Sendable (EngineError?) -> Void

    /// Kept for as long as the shard lives: the interface goes with it.
    let tunnel: TunDevice
    let queue: TunQueue
    let egress: NATEgress?
    let network: TunnelNetwork
    let sockets: [UDPSocket]
    let sendBatches: [SendBatch]
    let receiveBatch: ReceiveBatch
    let poller: Poller
    let packetBuffer: UnsafeMutableRawBufferPointer

    var endpoint: ServerEndpoint<SecureRandom>
    var tlsContext: TLSServerContext
    var credentials: TLSCredentials
    var tlsVersions: ClosedRange<TLSVersion>
    /// By slot of the endpoint.
    var resources: [SessionResources?] = []
    /// Which slot an inner address belongs to.
    var routes4: [IPv4Address: Int] = [:]
    var routes6: [IPv6Address: Int] = [:]
    var counters = EngineCounters()
    var now: Moment
    var stopDeadline: Instant?

    init(_ parts: ShardParts) throws(EngineError) {
        self.mailbox = parts.mailbox
        self.authorizer = parts.authorizer
        self.onEvent = parts.onEvent
        self.onStopped = parts.onStopped
        self.tunnel = parts.tunnel
        self.queue = parts.queue
        self.egress = parts.egress
        self.network = parts.configuration.protocolSettings.tunnel
        self.sockets = parts.sockets
        self.credentials = parts.configuration.credentials
        self.tlsVersions = parts.configuration.tlsVersions
        self.now = Moment.current()
        do {
            self.tlsContext = try TLSServerContext(self.credentials, versions: self.tlsVersions)
        } catch {
            throw EngineError(.credentials, error.message)
        }
        do throws(NetworkError) {
            self.receiveBatch = try ReceiveBatch()
            var batches: [SendBatch] = []
            for _ in parts.sockets { batches.append(try SendBatch()) }
            self.sendBatches = batches
            self.poller = try Poller()
            try self.poller.add(parts.mailbox.wakeUp.fileDescriptor, token: Token.mailbox)
            try self.poller.add(parts.queue.fileDescriptor, token: Token.tunnel)
            for (index, socket) in parts.sockets.enumerated() {
                try self.poller.add(socket.fileDescriptor, token: Token.firstSocket + UInt64(index))
            }
        } catch {
            throw EngineError(error)
        }
        unsafe self.packetBuffer = .allocate(byteCount: Self.packetBytes, alignment: 64)
        self.endpoint = ServerEndpoint(
            settings: parts.configuration.protocolSettings, wrapping: parts.configuration.wrapping,
            limits: parts.configuration.limits, cookieKey: parts.configuration.cookieKey,
            crypto: OpenSSLCryptography(), random: SecureRandom(), now: self.now)
        self.resume(parts.configuration.resume)
    }

    deinit {
        unsafe self.packetBuffer.deallocate()
    }

    /// The thread's body. Returns when the shard has stopped.
    func run() {
        var failure: EngineError?
        // Sessions of an earlier process are waited for: they get their first packets without being asked.
        self.settle()
        do {
            while !self.isStopped { try self.turn() }
        } catch {
            failure = EngineError(error)
        }
        self.windDown()
        self.onStopped(failure)
    }

    /// Waits for something to happen, and deals with all of it.
    private func turn() throws(NetworkError) {
        var readySockets: [Int] = []
        var isTunnelReady = false
        var hasCommands = false
        try self.poller.wait(timeoutNanoseconds: self.timeout()) { event in
            switch event.token {
            case Token.mailbox: hasCommands = true
            case Token.tunnel: isTunnelReady = true
            default: readySockets.append(Int(event.token - Token.firstSocket))
            }
        }
        self.now = Moment.current()
        if hasCommands { for command in self.mailbox.take() { self.carryOut(command) } }
        for index in readySockets { try self.receive(from: index) }
        if isTunnelReady { try self.readTunnel() }
        if let deadline = self.endpoint.nextDeadline(), deadline <= self.now.instant {
            self.endpoint.tick(now: self.now)
        }
        self.settle()
        for (index, batch) in self.sendBatches.enumerated() where batch.count > 0 { self.send(batch, on: index) }
    }

    private func timeout() -> UInt64? {
        var deadline = self.endpoint.nextDeadline()
        if let stopDeadline { deadline = min(deadline ?? stopDeadline, stopDeadline) }
        guard let deadline else { return nil }
        let now = BootClock.nanoseconds
        return deadline.nanoseconds > now ? deadline.nanoseconds - now : 0
    }

    // MARK: Stopping

    private var isStopped: Bool {
        guard let stopDeadline else { return false }
        return stopDeadline <= self.now.instant || self.endpoint.isQuiet
    }

    /// The last of it: whoever waits for an answer gets one.
    private func windDown() {
        self.endpoint.endAll(.restart(advance: true, text: "server stopped"), now: self.now)
        self.settle()
        for (index, batch) in self.sendBatches.enumerated() where batch.count > 0 { self.send(batch, on: index) }
        for command in self.mailbox.close() { self.carryOut(command) }
        do { try self.egress?.remove() } catch { self.onEvent(.warning(error.message)) }
    }

    // MARK: Sending

    func send(_ batch: SendBatch, on index: Int) {
        self.counters.datagramsOut &+= UInt64(batch.count)
        self.sockets[index].send(batch)
    }

    /// A batch of this socket's with room for one more.
    func batch(for socket: UInt16) -> SendBatch? {
        let index = Int(socket)
        guard index < self.sendBatches.count else { return nil }
        if self.sendBatches[index].isFull { self.send(self.sendBatches[index], on: index) }
        return self.sendBatches[index]
    }
}

extension NetworkPath {
    init(_ datagram: ReceivedDatagram, socket: Int) {
        self.init(
            remote: datagram.remote, local: datagram.local.ip, interfaceIndex: datagram.local.interfaceIndex,
            socket: UInt16(truncatingIfNeeded: socket))
    }

    var localEndpoint: LocalEndpoint? {
        self.local.map { LocalEndpoint(ip: $0, interfaceIndex: self.interfaceIndex) }
    }
}
