import Glibc

/// Ports on 127.0.0.1.
package enum LocalPort {
    /// A port that nobody uses now, below those that the kernel gives to clients: it can be had again after a restart.
    package static func free() throws -> UInt16 { try freeRange(of: 1) }

    /// The first of several such ports in a row.
    package static func freeRange(of count: UInt16) throws -> UInt16 {
        for _ in 0..<200 {
            let first = UInt16.random(in: 10_000..<32_000)
            let listeners = (first..<(first + count)).compactMap { try? SilentListener(port: $0) }
            for listener in listeners { listener.close() }
            if listeners.count == Int(count) { return first }
        }
        throw ServerFailure("no \(count) free ports in a row")
    }

    static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}

/// A port on 127.0.0.1 that takes connections and says nothing.
package struct SilentListener {
    package let port: UInt16
    private let descriptor: CInt

    /// - Parameter port: The port; 0 for any.
    package init(port: UInt16 = 0) throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = LocalPort.address(port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 4) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else {
            _ = Glibc.close(descriptor)
            throw ServerFailure("the port \(port) cannot be had")
        }
        self.descriptor = descriptor
        self.port = UInt16(bigEndian: address.sin_port)
    }

    package func close() { _ = Glibc.close(descriptor) }
}
