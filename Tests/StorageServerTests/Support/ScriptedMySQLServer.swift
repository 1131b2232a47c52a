import Crypto
import CryptoExtras
import Foundation
import Glibc
import Synchronization

/// Speaks the protocol of MySQL 8 on 127.0.0.1 as its documentation describes it
/// (https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html), as far as a driver's sessions and errors need:
/// there is no package of MySQL to be had here.
///
/// Users log in by `caching_sha2_password`. A statement that begins with `FAIL number words` fails so, prepared or not; the
/// next `COMMIT` fails as it was told; all else succeeds.
final class ScriptedMySQLServer: Sendable {
    /// How passwords are checked.
    enum Login: Sendable, CaseIterable {
        /// By what the server remembers of an earlier login.
        case remembered
        /// By the password itself, encrypted for the server's key, as nothing is remembered.
        case full
    }

    private struct State {
        var statements: [String] = []
        var commit: (UInt16, String)?
        var prepared: [UInt32: String] = [:]
    }

    let port: UInt16
    private let listener: CInt
    private let login: Login
    private let password: String
    private let state = Mutex(State())

    init(login: Login, password: String) throws {
        self.login = login
        self.password = password
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
        Thread { [self] in
            while true {
                let client = accept(descriptor, nil, nil)
                guard client >= 0 else { return }
                Thread { [self] in
                    try? serve(client)
                    _ = Glibc.close(client)
                }.start()
            }
        }.start()
    }

    /// What sessions were told, in order.
    var statements: [String] { state.withLock { $0.statements } }

    /// Has the next commit fail.
    func failCommit(_ number: UInt16, _ words: String) { state.withLock { $0.commit = (number, words) } }

    func close() {
        shutdown(listener, CInt(SHUT_RDWR))
        _ = Glibc.close(listener)
    }

    private func serve(_ client: CInt) throws {
        var wire = PacketWire(descriptor: client)
        guard try logIn(&wire) else { return try wire.send(Self.error(1045, "Access denied")) }
        try wire.send(Self.ok)
        while true {
            wire.sequence = 0
            let packet = try wire.receive()
            let text = String(decoding: packet.dropFirst(), as: UTF8.self)
            switch packet.first {
            case 0x03: try answer(text, &wire)
            case 0x16: try prepare(text, &wire)
            case 0x17:
                let id = packet[1...4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
                try answer(state.withLock { $0.prepared[id] ?? "" }, &wire)
            case 0x19: break
            default: return
            }
        }
    }

    private func logIn(_ wire: inout PacketWire) throws -> Bool {
        let nonce = (0..<20).map { _ in UInt8.random(in: 1...127) }
        let plugin = Array("caching_sha2_password".utf8) + [0]
        // Protocol 4.1, a password of a plugin, transactions, a database at once.
        let flags: UInt32 = 0x0000_0200 | 0x0000_8000 | 0x0008_0000 | 0x0000_2000 | 0x0000_0008 | 0x0000_0003
        var greeting: [UInt8] = [10]
        greeting += Array("8.4.3".utf8)
        greeting += [0, 7, 0, 0, 0]
        greeting += nonce[..<8]
        greeting += [0, UInt8(flags & 0xff), UInt8(flags >> 8 & 0xff), 45, 2, 0, UInt8(flags >> 16 & 0xff), 0, 21]
        greeting += [UInt8](repeating: 0, count: 10)
        greeting += nonce[8...]
        greeting += [0] + plugin
        try wire.send(greeting)
        let answer = try wire.receive().dropFirst(32)
        let proof = Array(answer.drop { $0 != 0 }.dropFirst(2).prefix(32))
        let once = SHA256.hash(data: Data(password.utf8))
        let mask = SHA256.hash(data: Data(SHA256.hash(data: Data(once))) + Data(nonce))
        guard proof == zip(once, mask).map({ $0 ^ $1 }) else { return false }
        guard login == .full else {
            try wire.send([1, 3])
            return true
        }
        try wire.send([1, 4])
        let key = try _RSA.Encryption.PrivateKey(keySize: .bits2048)
        guard try wire.receive() == [2] else { return false }
        try wire.send([1] + Array(key.publicKey.pemRepresentation.utf8))
        let clear = try key.decrypt(Data(try wire.receive()), padding: .PKCS1_OAEP)
        let typed = clear.enumerated().map { $0.element ^ nonce[$0.offset % 20] }
        return typed == Array(password.utf8) + [0]
    }

    private func prepare(_ text: String, _ wire: inout PacketWire) throws {
        let id = state.withLock { state in
            let id = UInt32(state.prepared.count + 1)
            state.prepared[id] = text
            return id
        }
        let number = (0..<4).map { UInt8(truncatingIfNeeded: id >> (8 * $0)) }
        try wire.send([0] + number + [UInt8](repeating: 0, count: 7))
    }

    private func answer(_ text: String, _ wire: inout PacketWire) throws {
        let failure: (UInt16, String)? = state.withLock { state in
            state.statements.append(text)
            if text == "COMMIT" {
                defer { state.commit = nil }
                return state.commit
            }
            let words = text.split(separator: " ", maxSplits: 2)
            guard words.first == "FAIL", words.count == 3, let number = UInt16(words[1]) else { return nil }
            return (number, String(words[2]))
        }
        if let failure { return try wire.send(Self.error(failure.0, failure.1)) }
        switch text {
        case "SELECT @@read_only, CONNECTION_ID()": try wire.sendRow(["0", "7"])
        case let text where text.hasPrefix("SELECT host"): try wire.sendRow(["127.0.0.1:1"])
        default: try wire.send(Self.ok)
        }
    }

    private static let ok: [UInt8] = [0, 0, 0, 2, 0, 0, 0]

    private static func error(_ number: UInt16, _ words: String) -> [UInt8] {
        [0xff, UInt8(number & 0xff), UInt8(number >> 8)] + Array("#HY000".utf8) + Array(words.utf8)
    }
}

/// Packets of the protocol: three bytes of length, one that counts, the rest.
private struct PacketWire {
    struct Ended: Error {}

    let descriptor: CInt
    var sequence: UInt8 = 0

    mutating func send(_ payload: some Sequence<UInt8>) throws {
        let payload = Array(payload)
        let count = payload.count
        let packet = [UInt8(count & 0xff), UInt8(count >> 8 & 0xff), UInt8(count >> 16), sequence] + payload
        guard Glibc.send(descriptor, packet, packet.count, CInt(MSG_NOSIGNAL)) == packet.count else { throw Ended() }
        sequence &+= 1
    }

    mutating func receive() throws -> [UInt8] {
        let header = try read(4)
        sequence = header[3] &+ 1
        return try read(Int(header[0]) | Int(header[1]) << 8 | Int(header[2]) << 16)
    }

    /// A result of one row of text.
    mutating func sendRow(_ values: [String]) throws {
        func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
        let end: [UInt8] = [0xfe, 0, 0, 2, 0]
        try send([UInt8(values.count)])
        for _ in values {
            let kind: [UInt8] = [12, 45, 0, 255, 0, 0, 0, 253, 0, 0, 0, 0, 0]
            try send(["def", "", "", "", "c", "c"].flatMap(text) + kind)
        }
        try send(end)
        try send(values.flatMap(text))
        try send(end)
    }

    private func read(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var part = [UInt8](repeating: 0, count: count - bytes.count)
            let got = Glibc.read(descriptor, &part, part.count)
            guard got > 0 else { throw Ended() }
            bytes += part[..<got]
        }
        return bytes
    }
}
