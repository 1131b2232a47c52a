import ProtocolTestKit
import Testing
import VPNProtocol

@Suite struct StateCodingTests {
    private func sample() throws -> [UInt8] {
        var writer = StateWriter(version: 3)
        writer.write(UInt8(1))
        writer.write(UInt16(0x0203))
        writer.write(UInt32(0x0405_0607))
        writer.write(UInt64.max)
        writer.write(true)
        writer.write(bytes: [9, 8])
        writer.write(text: "grüß")
        writer.write(optional: UInt32?.none)
        writer.write(optional: UInt32?(7))
        writer.write(optional: KeyID(rawValue: 5))
        writer.write(array: [try #require(SessionID(rawValue: 1)), try #require(SessionID(rawValue: 2))])
        return writer.bytes
    }

    private func readAll(_ bytes: [UInt8]) throws -> Bool {
        var reader = try StateReader(bytes, versions: 2...3)
        var same = try reader.read(UInt8.self) == 1
        same = try reader.read(UInt16.self) == 0x0203 && same
        same = try reader.read(UInt32.self) == 0x0405_0607 && same
        same = try reader.read(UInt64.self) == .max && same
        same = try reader.readBool() && same
        same = try reader.readBytes(maximum: 2) == [9, 8] && same
        same = try reader.readText(maximumBytes: 100) == "grüß" && same
        same = try reader.readOptional(UInt32.self) == nil && same
        same = try reader.readOptional(UInt32.self) == 7 && same
        same = try reader.readOptional(KeyID.self)?.rawValue == 5 && same
        same = try reader.readArray(of: SessionID.self, maximum: 2).map(\.rawValue) == [1, 2] && same
        try reader.finish()
        return same
    }

    @Test func `every kind of value survives a round trip`() throws {
        #expect(try readAll(sample()))
    }

    @Test func `every truncation and extension is refused`() throws {
        let whole = try sample()
        for count in whole.indices {
            #expect(throws: StateError.self) { try readAll(Array(whole.prefix(count))) }
        }
        #expect(throws: StateError.trailingBytes) { try readAll(whole + [0]) }
    }

    @Test func `lengths beyond what is allowed are refused before memory is taken`() throws {
        let huge = [1] + bytes("ffffffff")
        var reader = try StateReader(huge, versions: 1...1)
        #expect(throws: StateError.tooLong) { try reader.readBytes(maximum: 10) }
        reader = try StateReader(huge, versions: 1...1)
        #expect(throws: StateError.tooLong) { try reader.readArray(of: KeyID.self, maximum: 10) }
        reader = try StateReader(huge, versions: 1...1)
        #expect(throws: StateError.truncated) { try reader.readBytes(maximum: .max) }
    }

    @Test func `other versions and impossible values are refused`() {
        #expect(throws: StateError.unsupportedVersion(4)) { try StateReader([4], versions: 1...3) }
        #expect(throws: StateError.truncated) { try StateReader([], versions: 1...3) }
        #expect(throws: StateError.invalidValue) {
            var reader = try StateReader([1, 2], versions: 1...1)
            return try reader.readBool()
        }
        #expect(throws: StateError.invalidValue) {
            var reader = try StateReader([1, 0, 0, 0, 1, 0xFF], versions: 1...1)
            return try reader.readText(maximumBytes: 10)
        }
        #expect(throws: StateError.invalidValue) {
            var reader = try StateReader([1] + [UInt8](repeating: 0, count: 8), versions: 1...1)
            return try reader.read(SessionID.self)
        }
    }
}
