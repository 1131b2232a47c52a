internal import ClusterCore
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Finds the addresses of a host's name within a bounded time, which the C library alone does not promise.
///
/// A look-up that takes longer goes on, on a thread of its own; who asks for the same name meanwhile waits for that one, so
/// there are never more threads than names. Nothing is remembered: a name may lead elsewhere at the next connect.
public final class NameResolver: Sendable {
    private final class LookUp: Sendable {
        let done = DispatchGroup()
        let addresses = Mutex<[String]>([])
    }

    private let find: @Sendable (String) -> [String]
    private let running = Mutex<[String: LookUp]>([:])

    /// - Parameter find: Gives the numeric addresses of a name, none when there are none; may block for as long as it
    ///   likes.
    public init(find: @escaping @Sendable (String) -> [String] = NameResolver.system) { self.find = find }

    /// The addresses of a host, in the order in which they should be tried. Blocks, at most as long as `limit`.
    ///
    /// - Parameter name: A name, or an address, which is given back.
    /// - Throws: ``ClusterCore/StorageError`` with `unavailable` when the name has no address, `timeout` when it took too
    ///   long to learn that.
    public func addresses(of name: String, within limit: Duration) throws -> [String] {
        if Self.isNumeric(name) { return [name] }
        let lookUp = lookUp(name)
        guard lookUp.done.wait(timeout: .now() + .microseconds(Int(limit.wholeMicroseconds))) == .success else {
            throw StorageError(
                .timeout, "the name \(name) was not resolved within \(limit)",
                advice: "check the name servers in /etc/resolv.conf")
        }
        let addresses = lookUp.addresses.withLock { $0 }
        guard !addresses.isEmpty else {
            throw StorageError(
                .unavailable, "the name \(name) has no address", advice: "check the name and the name servers")
        }
        return addresses
    }

    /// Begins to look a name up, unless that is under way.
    private func lookUp(_ name: String) -> LookUp {
        running.withLock { running in
            if let known = running[name] { return known }
            let lookUp = LookUp()
            running[name] = lookUp
            lookUp.done.enter()
            startThread("sql-names") { [self] in
                let addresses = find(name)
                lookUp.addresses.withLock { $0 = addresses }
                self.running.withLock { $0[name] = nil }
                lookUp.done.leave()
            }
            return lookUp
        }
    }

    /// What the system's resolver says: files, DNS, and whatever else it is set up to ask.
    @Sendable
    public static func system(_ name: String) -> [String] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let entry = next, addresses.count < 16 {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let length = socklen_t(text.count)
            let info = entry.pointee
            if getnameinfo(info.ai_addr, info.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST) == 0 {
                addresses.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
            next = info.ai_next
        }
        return addresses
    }

    /// Whether a host is an address already.
    public static func isNumeric(_ host: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET, host, &address) == 1
            || inet_pton(AF_INET6, String(host.prefix { $0 != "%" }), &address) == 1
    }
}
