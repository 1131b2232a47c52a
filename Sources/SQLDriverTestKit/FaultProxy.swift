internal import Foundation
internal import Glibc
internal import Synchronization

/// Stands between a client and a server on 127.0.0.1 and cuts the connection when it is told to.
public final class FaultProxy: Sendable {
    /// When the next connection to speak is cut.
    public enum Fault: Hashable, Sendable {
        /// Never.
        case none
        /// When the client sends next: what it sent does not arrive.
        case dropRequest
        /// When the server answers what the client sends next: the answer does not arrive.
        case dropAnswer
    }

    private struct State {
        var fault = Fault.none
        var isClosed = false
    }

    /// Where clients connect to, on 127.0.0.1.
    public let port: UInt16
    private let target: UInt16
    private let listener: CInt
    private let state = Mutex(State())

    /// Begins to listen.
    ///
    /// - Parameter target: The server's port on 127.0.0.1.
    /// - Throws: ``DriverCaseFailure`` when there is no socket to be had.
    public init(to target: UInt16) throws {
        self.target = target
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = Self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        listener = descriptor
        guard descriptor >= 0, isBound else {
            throw DriverCaseFailure("no socket for a proxy: \(String(cString: strerror(errno)))")
        }
        port = UInt16(bigEndian: address.sin_port)
        let thread = Thread { [self] in accepting() }
        thread.start()
    }

    /// Says when the next connection is cut; once it was, nothing more is until this is called again.
    public func arm(_ fault: Fault) { state.withLock { $0.fault = fault } }

    /// Stops listening; connections that are open stay.
    public func close() {
        let wasOpen = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard wasOpen else { return }
        shutdown(listener, CInt(SHUT_RDWR))
        Glibc.close(listener)
    }

    private func accepting() {
        while !state.withLock({ $0.isClosed }) {
            let client = accept(listener, nil, nil)
            guard client >= 0 else { continue }
            let thread = Thread { [self] in
                pump(client)
                Glibc.close(client)
            }
            thread.start()
        }
    }

    /// Carries bytes both ways until one side closes or the fault comes.
    private func pump(_ client: CInt) {
        let server = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        defer { Glibc.close(server) }
        var address = Self.loopback(target)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard server >= 0, isConnected else { return }
        var cutsAnswer = false
        while true {
            var descriptors = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&descriptors, 2, 60_000) > 0 else { return }
            if descriptors[0].revents != 0 {
                switch state.withLock({ takeFault(&$0) }) {
                case .dropRequest: return
                case .dropAnswer: cutsAnswer = true
                case .none: break
                }
                guard carry(from: client, to: server) else { return }
            }
            if descriptors[1].revents != 0 {
                if cutsAnswer { return }
                guard carry(from: server, to: client) else { return }
            }
        }
    }

    private func takeFault(_ state: inout State) -> Fault {
        defer { state.fault = .none }
        return state.fault
    }

    private func carry(from source: CInt, to target: CInt) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(source, &buffer, buffer.count)
        guard count > 0 else { return false }
        var sent = 0
        while sent < count {
            let written = buffer.withUnsafeBytes { bytes in
                send(target, bytes.baseAddress?.advanced(by: sent), count - sent, CInt(MSG_NOSIGNAL))
            }
            guard written > 0 else { return false }
            sent += written
        }
        return true
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
