import VPNEngine

/// A server's and a client's TLS object, back to back.
struct TLSPair {
    let server: TLSObject
    let client: TLSObject
    private(set) var bytesExchanged = 0

    init(server: TLSServerContext, client: TLSClientContext) throws {
        self.server = try TLSObject(server: server)
        self.client = try TLSObject(client: client)
    }

    /// Carries bytes both ways, in pieces of `chunk` bytes, until neither side has any more.
    mutating func settle(chunk: Int = 1_200) {
        for _ in 0..<200 {
            client.step()
            var moved = carry(from: client, to: server, chunk)
            server.step()
            moved = carry(from: server, to: client, chunk) || moved
            if !moved { return }
        }
    }

    private mutating func carry(from sender: TLSObject, to receiver: TLSObject, _ chunk: Int) -> Bool {
        var moved = false
        while true {
            let bytes = sender.drainCiphertext(max: chunk)
            if bytes.isEmpty { return moved }
            bytesExchanged += bytes.count
            receiver.feed(bytes)
            moved = true
        }
    }
}
