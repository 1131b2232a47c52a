import Testing

@testable import VPNEngine

@Suite("Netlink messages")
struct NetlinkMessageTests {
    private func message(_ body: [UInt8]) -> [UInt8] {
        var request = NetlinkRequest(type: 20, flags: 5, sequence: 9)
        for byte in body { request.append(byte) }
        return request.finished()
    }

    @Test("a request has its length, and attributes are filled up to four bytes")
    func request() throws {
        var request = NetlinkRequest(type: 20, flags: 5, sequence: 9)
        request.append(attribute: 3, [1, 2, 3, 4, 5])
        request.append(attribute: 4, 7 as UInt32)
        let reply = try #require(NetlinkReply.split(request.finished()).first)
        #expect(reply.type == 20 && reply.flags == 5 && reply.sequence == 9)
        #expect(reply.body.count == 20)
        let attributes = reply.attributes(after: 0)
        #expect(attributes[3].map { Array($0) } == [1, 2, 3, 4, 5])
        #expect(attributes[4]?.number(at: 0, UInt32.self) == 7)
    }

    @Test("answers that are cut anywhere, or whose lengths lie, are split without a trap")
    func hostileLengths() {
        let whole = message([8, 0, 1, 0, 1, 2, 3, 4]) + message([8, 0, 2, 0, 9, 9, 9, 9])
        #expect(NetlinkReply.split(whole).count == 2)
        for end in whole.indices {
            for reply in NetlinkReply.split(Array(whole[..<end])) { #expect(reply.attributes(after: 0).count <= 1) }
        }
        for position in whole.indices {
            for value: UInt8 in [0, 1, 3, 4, 15, 17, 0x7f, 0xff] {
                var damaged = whole
                damaged[position] = value
                let replies = NetlinkReply.split(damaged)
                #expect(replies.count <= 2)
                for reply in replies {
                    #expect(reply.body.count <= damaged.count)
                    _ = reply.attributes(after: 0)
                    _ = reply.attributes(after: 100)
                }
            }
        }
    }
}
