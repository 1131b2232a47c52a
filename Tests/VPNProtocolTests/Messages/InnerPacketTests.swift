import ProtocolTestKit
import Testing
import VPNFormats
import VPNProtocol

@Suite struct InnerPacketTests {
    private let ipv4 = bytes("4500 0028 0000 4000 4006 0000 0a080002 c0000201")
    private let ipv6 = bytes("6000 0000 0014 06 40 fd000000000000000000000000000002 20010db8000000000000000000000001")
    /// Ports, numbers, and a header of 28 bytes with the flags SYN; options: NOP, MSS, NOP, NOP, end.
    private let oddOptions = bytes("0102 0050 00000001 00000000 7002 ffff 0000 0000 01 0204 05b4 01 01 00")
    private let evenOptions = bytes("0102 0050 00000001 00000000 6012 ffff 0000 0000 0204 05b4")

    private func parse(_ packet: [UInt8]) -> InnerPacket? { packet.withUnsafeBytes { InnerPacket($0) } }

    private func v4(_ segment: [UInt8], options: Int = 0, fragment: UInt8 = 0) -> [UInt8] {
        var packet = ipv4 + [UInt8](repeating: 1, count: options)
        let length = packet.count + segment.count
        packet[0] = 0x40 | UInt8(5 + options / 4)
        (packet[2], packet[3], packet[7]) = (UInt8(length >> 8), UInt8(length & 255), fragment)
        return packet + checked(segment, pseudo: Array(packet[12..<20]) + [0, 6])
    }

    private func v6(_ segment: [UInt8], extensions: [UInt8] = [], next: UInt8 = 6) -> [UInt8] {
        var packet = ipv6
        let length = extensions.count + segment.count
        (packet[4], packet[5], packet[6]) = (UInt8(length >> 8), UInt8(length & 255), next)
        return packet + extensions + checked(segment, pseudo: Array(packet[8..<40]) + [0, 6])
    }

    /// The segment with its checksum; the sum over everything with it is 0xffff.
    private func checked(_ segment: [UInt8], pseudo: [UInt8]) -> [UInt8] {
        guard segment.count >= 20 else { return segment }
        var segment = segment
        (segment[16], segment[17]) = (0, 0)
        let sum = ~onesSum(pseudo + [UInt8(segment.count >> 8), UInt8(segment.count & 255)] + segment)
        (segment[16], segment[17]) = (UInt8(sum >> 8), UInt8(sum & 255))
        return segment
    }

    private func onesSum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
        }
        while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
        return UInt16(sum)
    }

    private func clamped(_ packet: [UInt8], _ maximum: Int) -> (changed: Bool, packet: [UInt8]) {
        var packet = packet
        let changed = packet.withUnsafeMutableBytes { InnerPacket.clampMSS($0, maximumPacketBytes: maximum) }
        return (changed, packet)
    }

    private func isChecksumRight(_ packet: [UInt8], segmentOffset: Int) -> Bool {
        let segment = Array(packet[segmentOffset...])
        let pseudo = packet[0] >> 4 == 4 ? Array(packet[12..<20]) : Array(packet[8..<40])
        let whole = pseudo + [0, 6, UInt8(segment.count >> 8), UInt8(segment.count & 255)] + segment
        return onesSum(whole) == 0xFFFF
    }

    @Test func `addresses of both families are read`() throws {
        let first = try #require(parse(ipv4 + [UInt8](repeating: 0, count: 20)))
        #expect(first.source.description == "10.8.0.2" && first.destination.description == "192.0.2.1")
        #expect(first.length == 40)
        let second = try #require(parse(ipv6 + [UInt8](repeating: 0, count: 30)))
        #expect(second.source.description == "fd00::2" && second.destination.description == "2001:db8::1")
        #expect(second.length == 60)
    }

    @Test func `lengths that do not fit together are refused`() {
        for count in 0..<40 {
            #expect(parse((ipv4 + [UInt8](repeating: 0, count: 20)).prefix(count).map { $0 }) == nil)
        }
        for count in 0..<60 {
            #expect(parse((ipv6 + [UInt8](repeating: 0, count: 20)).prefix(count).map { $0 }) == nil)
        }
        var short = ipv4 + [UInt8](repeating: 0, count: 20)
        short[0] = 0x44
        #expect(parse(short) == nil)
        short[0] = 0x4F
        #expect(parse(short) == nil)
        short[0] = 0x55
        #expect(parse(short) == nil)
    }

    @Test func `the segment size of a connection request is lowered and the checksum mended`() {
        for segment in [oddOptions, evenOptions] {
            for (packet, offset, mss) in [
                (v4(segment), 20, 1_360), (v4(segment, options: 8), 28, 1_360),
                (v6(segment), 40, 1_340),
            ] {
                #expect(isChecksumRight(packet, segmentOffset: offset))
                let result = clamped(packet, 1_400)
                #expect(result.changed)
                #expect(isChecksumRight(result.packet, segmentOffset: offset))
                let at = offset + (segment == oddOptions ? 23 : 22)
                #expect(Int(result.packet[at]) << 8 | Int(result.packet[at + 1]) == mss)
                #expect(!clamped(result.packet, 1_400).changed)
            }
        }
    }

    @Test func `random sizes leave the checksum right`() {
        var random = SeededGenerator()
        for _ in 0..<2_000 {
            var segment = Bool.random(using: &random) ? oddOptions : evenOptions
            let at = segment == oddOptions ? 23 : 22
            let size = UInt16.random(in: 0...(.max), using: &random)
            (segment[at], segment[at + 1]) = (UInt8(size >> 8), UInt8(size & 255))
            for index in 4..<12 { segment[index] = UInt8(truncatingIfNeeded: random.next()) }
            let maximum = Int.random(in: 100...1_500, using: &random)
            let result = clamped(v4(segment), maximum)
            #expect(result.changed == (Int(size) > maximum - 40))
            #expect(isChecksumRight(result.packet, segmentOffset: 20))
        }
    }

    @Test func `extension headers are followed up to a bound`() {
        let hop: [UInt8] = [6, 0, 1, 4, 0, 0, 0, 0]
        let hopToRouting: [UInt8] = [43, 0, 1, 4, 0, 0, 0, 0]
        let routing: [UInt8] = [6, 1] + [UInt8](repeating: 0, count: 14)
        let fragment: [UInt8] = [6, 0, 0, 1, 0, 0, 0, 9]
        let laterFragment: [UInt8] = [6, 0, 0, 9, 0, 0, 0, 9]
        let authentication: [UInt8] = [6, 1] + [UInt8](repeating: 0, count: 10)
        #expect(clamped(v6(evenOptions, extensions: hop, next: 0), 1_300).changed)
        #expect(clamped(v6(evenOptions, extensions: hopToRouting + routing, next: 0), 1_300).changed)
        #expect(clamped(v6(evenOptions, extensions: fragment, next: 44), 1_300).changed)
        #expect(!clamped(v6(evenOptions, extensions: laterFragment, next: 44), 1_300).changed)
        #expect(clamped(v6(evenOptions, extensions: authentication, next: 51), 1_300).changed)
        let endless = [UInt8](repeating: 0, count: 8 * 100)
        #expect(!clamped(v6(evenOptions, extensions: endless, next: 0), 1_300).changed)
        #expect(!clamped(v6(evenOptions, extensions: [6, 255, 0, 0, 0, 0, 0, 0], next: 0), 1_300).changed)
        #expect(!clamped(v6(evenOptions, next: 59), 1_300).changed)
        #expect(!clamped(v6([], next: 6), 1_300).changed)
        #expect(!clamped(v6([0, 0, 0], next: 0), 1_300).changed)
    }

    @Test func `other packets stay as they are`() {
        var established = evenOptions
        established[13] = 0x10
        var udp = v4(evenOptions)
        udp[9] = 17
        let cases = [v4(established), udp, v4(evenOptions, fragment: 1), [], Array(ipv4)]
        for packet in cases {
            let result = clamped(packet, 100)
            #expect(!result.changed && result.packet == packet)
        }
        #expect(!clamped(v4(evenOptions), 40).changed && !clamped(v4(evenOptions), -1).changed)
    }

    @Test(arguments: [
        "02", "0200 05b4", "0201 05b4", "0205 05b4", "01 0204 05", "00 0204 05b4", "03ff 0000", "0100 0204",
    ])
    func `hostile options change nothing`(options: String) {
        let list = bytes(options)
        var segment = Array(evenOptions.prefix(20)) + list
        segment += [UInt8](repeating: 2, count: (4 - segment.count % 4) % 4)
        segment[12] = UInt8(segment.count / 4) << 4
        let packet = v4(segment)
        #expect(clamped(packet, 100).packet == packet)
        var beyond = segment
        beyond[12] = 0xF0
        #expect(clamped(v4(beyond), 100).packet == v4(beyond))
    }
}
