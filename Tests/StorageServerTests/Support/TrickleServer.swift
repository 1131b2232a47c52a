import Foundation
import Glibc
import Synchronization

/// A port on 127.0.0.1 that greets each client and then sends a byte now and then, so that no wait for the next byte is
/// ever long.
final class TrickleServer: Sendable {
    let port: UInt16
    private let listener: CInt
    private let isClosed = Mutex(false)

    /// - Parameter greeting: What is sent at once; zeros follow, one each 100 ms.
    init(greeting: [UInt8]) throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 4) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw POSIXError(.EADDRINUSE) }
        listener = descriptor
        port = UInt16(bigEndian: address.sin_port)
        Thread { [self] in serve(greeting) }.start()
    }

    func close() {
        isClosed.withLock { $0 = true }
        shutdown(listener, CInt(SHUT_RDWR))
        _ = Glibc.close(listener)
    }

    private func serve(_ greeting: [UInt8]) {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        defer { _ = Glibc.close(client) }
        var next = greeting
        while !isClosed.withLock({ $0 }), send(client, next, next.count, CInt(MSG_NOSIGNAL)) == next.count {
            next = [0]
            usleep(100_000)
        }
    }
}
