import CLinuxIO
import Synchronization
import Testing
import VPNEngine
import VPNFormats

@Suite("Waiting, waking, threads")
struct PollerTests {
    @Test("a wait ends at its timeout, not before")
    func timeout() throws {
        let poller = try Poller()
        let start = BootClock.nanoseconds
        let events = try poller.wait(timeoutNanoseconds: 3_000_000) { _ in }
        #expect(events == 0)
        #expect(BootClock.nanoseconds - start >= 3_000_000)
        #expect(try poller.wait(timeoutNanoseconds: 0) { _ in } == 0)
    }

    @Test("another thread's signal ends a wait, and is seen until it is cleared")
    func wakeUp() throws {
        let poller = try Poller()
        let wakeUp = try WakeUp()
        try poller.add(wakeUp.fileDescriptor, token: .max)
        let thread = try EngineThread(name: "waker") { for _ in 0..<3 { wakeUp.signal() } }
        var tokens: [UInt64] = []
        try poller.wait(timeoutNanoseconds: 10_000_000_000) { event in
            tokens.append(event.token)
            #expect(event.isReadable && !event.isFailed)
        }
        #expect(tokens == [.max])
        thread.join()
        #expect(try poller.wait(timeoutNanoseconds: 0) { _ in } == 1)
        wakeUp.clear()
        #expect(try poller.wait(timeoutNanoseconds: 0) { _ in } == 0)
        wakeUp.clear()
    }

    @Test("a socket is reported for what is wanted of it, until it is removed")
    func interests() throws {
        let poller = try Poller()
        let socket = try UDPSocket(listening: #require(SocketAddress("127.0.0.1:0")))
        try poller.add(socket.fileDescriptor, [.read, .write], token: 5)
        var writable = false
        try poller.wait(timeoutNanoseconds: 0) { writable = $0.isWritable && !$0.isReadable && $0.token == 5 }
        #expect(writable)
        try poller.modify(socket.fileDescriptor, .read, token: 6)
        #expect(try poller.wait(timeoutNanoseconds: 0) { _ in } == 0)
        let out = try SendBatch()
        out.append([1], to: socket.localAddress, from: nil)
        socket.send(out)
        var readable = false
        try poller.wait(timeoutNanoseconds: 1_000_000_000) { readable = $0.isReadable && $0.token == 6 }
        #expect(readable)
        try poller.remove(socket.fileDescriptor)
        #expect(try poller.wait(timeoutNanoseconds: 0) { _ in } == 0)
        #expect(throws: NetworkError.self) { try poller.remove(socket.fileDescriptor) }
    }

    @Test("a thread runs on the processor that it is pinned to, and may be joined twice")
    func pinning() throws {
        let seen = Mutex<[CInt]>([])
        for processor in [0, 99_999] {
            let thread = try EngineThread(name: "a name longer than fifteen bytes", processor: processor) {
                let pinned = clinuxio_pinned_processor()
                seen.withLock { $0.append(pinned) }
            }
            thread.join()
            thread.join()
        }
        let first = seen.withLock { $0.first }
        let count = seen.withLock { $0.count }
        #expect(first == 0)
        #expect(count == 2)
    }

    @Test("the clock goes forward")
    func clock() {
        let readings = (0..<1_000).map { _ in BootClock.nanoseconds }
        #expect(readings == readings.sorted())
        #expect(readings[0] > 0)
    }
}
