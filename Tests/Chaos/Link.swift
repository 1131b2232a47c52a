import DatabaseServers
import Foundation
import Glibc
import Synchronization

/// The network between the workers and a server: carries bytes, or does what a bad network does.
final class Link: Sendable {
    enum Mode: Hashable, Sendable {
        case open
        /// Nothing arrives until it is open again; then all of it does, late.
        case holding
        /// Ends all connections and makes no new ones.
        case refusing
        /// Now and then a connection ends before or after what a client sends.
        case breaking
        /// What clients send arrives, what the server answers is lost.
        case losingAnswers
    }

    private struct State {
        var mode = Mode.open
        var cuts = 0
    }

    let port: UInt16
    private let listener: CInt
    private let target: UInt16
    private let state = Mutex(State())

    init(to target: UInt16) throws {
        self.target = target
        port = try LocalPort.free()
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let isListening = Self.withAddress(port) { bind(listener, $0, $1) == 0 && listen(listener, 128) == 0 }
        guard isListening else { throw Failure("no proxy on port \(port)") }
        let thread = Thread { [self] in accepting() }
        thread.start()
    }

    func set(_ mode: Mode) { state.withLock { $0.mode = mode } }

    /// Ends the connections that are there now.
    func cut() { state.withLock { $0.cuts += 1 } }

    private func accepting() {
        while true {
            let client = accept(listener, nil, nil)
            guard client >= 0 else {
                usleep(1000)
                continue
            }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            let thread = Thread { [self] in
                carry(client)
                // Reset, as a connection that is gone does, and not ended in good order.
                var reset = linger(l_onoff: 1, l_linger: 0)
                setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
                close(client)
            }
            thread.stackSize = 256 << 10
            thread.start()
        }
    }

    private func carry(_ client: CInt) {
        let begin = state.withLock { $0 }
        guard begin.mode != .refusing else { return }
        let server = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        defer { close(server) }
        guard Self.withAddress(target, { connect(server, $0, $1) == 0 }) else { return }
        for side in [client, server] {
            var yes: CInt = 1
            setsockopt(side, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
        }
        var hasLost = false
        while true {
            let now = state.withLock { $0 }
            if now.cuts != begin.cuts || now.mode == .refusing { return }
            if hasLost, now.mode == .open { return }
            guard now.mode != .holding else {
                usleep(10_000)
                continue
            }
            var sides = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&sides, 2, 20) >= 0 || errno == EINTR else { return }
            if sides[0].revents != 0 {
                let chance = now.mode == .breaking ? Int.random(in: 0..<60) : 60
                if chance == 0 { return }
                guard move(from: client, to: server), chance != 1 else { return }
            }
            guard sides[1].revents != 0 else { continue }
            let isLost = state.withLock { $0.mode == .losingAnswers }
            if isLost { hasLost = true }
            if !move(from: server, to: isLost ? nil : client) { return }
        }
    }

    private func move(from source: CInt, to target: CInt?) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(source, &buffer, buffer.count)
        guard count > 0 else { return false }
        guard let target else { return true }
        var sent = 0
        while sent < count {
            let written = buffer.withUnsafeBytes {
                send(target, $0.baseAddress?.advanced(by: sent), count - sent, CInt(MSG_NOSIGNAL))
            }
            guard written > 0 else { return false }
            sent += written
        }
        return true
    }

    private static func withAddress<T>(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T) -> T {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
