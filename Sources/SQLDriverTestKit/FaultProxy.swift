internal import Foundation
internal import Glibc
internal import Synchronization

/// Stands between a client and a server on 127.0.0.1, counts the bytes of what they say, and cuts the connection after
/// as many as it is told.
public final class FaultProxy: Sendable {
    /// When the next connection whose client speaks is cut.
    public enum Fault: Hashable, Sendable {
        /// Never; its bytes are counted.
        case none
        /// When so many bytes of what the client sends from now on have been handed on.
        case afterRequest(bytes: Int)
        /// When so many bytes of what the server answers from now on have been handed on.
        case afterAnswer(bytes: Int)

        /// What the client sends next does not arrive.
        public static let dropRequest = Fault.afterRequest(bytes: 0)
        /// What the client sends next arrives, the answer does not.
        public static let dropAnswer = Fault.afterAnswer(bytes: 0)
    }

    /// The bytes that were handed on.
    public struct Exchange: Hashable, Sendable {
        /// From the client to the server.
        public var request = 0
        /// From the server to the client.
        public var answer = 0
    }

    private struct State {
        var fault: Fault?
        var exchange = Exchange()
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

    /// Says when the next connection is cut, and begins to count; nothing more is cut until this is called again.
    public func arm(_ fault: Fault) {
        state.withLock { state in
            state.fault = fault
            state.exchange = Exchange()
        }
    }

    /// What went through the connection that spoke first after the last ``arm(_:)``, since then.
    public var exchange: Exchange { state.withLock { $0.exchange } }

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
        var fault: Fault?
        while true {
            var descriptors = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&descriptors, 2, 60_000) > 0 else { return }
            if descriptors[0].revents != 0 {
                if let armed = state.withLock({ $0.fault.take() }) { fault = armed }
                guard carry(from: client, to: server, \.request, until: fault) else { return }
            }
            if descriptors[1].revents != 0 {
                guard carry(from: server, to: client, \.answer, until: fault) else { return }
            }
        }
    }

    /// Hands on what is there, as far as the fault lets it.
    ///
    /// - Returns: Whether the connection goes on.
    private func carry(
        from source: CInt, to target: CInt, _ direction: any WritableKeyPath<Exchange, Int> & Sendable,
        until fault: Fault?
    ) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(source, &buffer, buffer.count)
        guard count > 0 else { return false }
        guard let fault else { return write(buffer[..<count], to: target) }
        let before = state.withLock { $0.exchange[keyPath: direction] }
        let limit =
            switch fault {
            case .afterRequest(let bytes) where direction == \.request: bytes
            case .afterAnswer(let bytes) where direction == \.answer: bytes
            default: Int.max
            }
        let passing = min(count, limit - before)
        state.withLock { $0.exchange[keyPath: direction] += passing }
        return write(buffer[..<passing], to: target) && passing == count
    }

    private func write(_ bytes: ArraySlice<UInt8>, to target: CInt) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let written = bytes.withUnsafeBytes { raw in
                send(target, raw.baseAddress?.advanced(by: sent), raw.count - sent, CInt(MSG_NOSIGNAL))
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
