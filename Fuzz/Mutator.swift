import ProtocolTestKit

/// Makes hostile inputs out of valid ones.
struct Mutator {
    /// No input is longer, in bytes.
    static let maximumBytes = 4_096

    var random: SeededGenerator

    /// An input: a sample with a few changes, now and then an unchanged one or pure noise.
    mutating func input(from samples: [[UInt8]]) -> [UInt8] {
        let kind = random.next() % 32
        if kind == 0 { return random.bytes(below(64)) }
        if kind == 1 { return random.bytes(below(2_000)) }
        var input = samples[below(samples.count)]
        if kind == 2 { return input }
        for _ in 0...below(4) {
            mutate(&input, samples)
        }
        return Array(input.prefix(Self.maximumBytes))
    }

    private mutating func mutate(_ input: inout [UInt8], _ samples: [[UInt8]]) {
        switch random.next() % 10 {
        case 0, 1: flipBit(&input)
        case 2: setByte(&input)
        case 3: input = Array(input.prefix(below(input.count + 1)))
        case 4: input = Array(input.suffix(below(input.count + 1)))
        case 5: input += random.bytes(below(48))
        case 6: splice(&input, samples[below(samples.count)])
        case 7: setLengthField(&input)
        case 8: removeRange(&input)
        default: repeatRange(&input)
        }
    }

    private mutating func flipBit(_ input: inout [UInt8]) {
        guard !input.isEmpty else { return }
        input[below(input.count)] ^= 1 << UInt8(below(8))
    }

    private mutating func setByte(_ input: inout [UInt8]) {
        guard !input.isEmpty else { return }
        let interesting: [UInt8] = [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, 10, 13, 32, 44, 61]
        input[below(input.count)] = interesting[below(interesting.count)]
    }

    /// Takes the beginning of one input and the end of another.
    private mutating func splice(_ input: inout [UInt8], _ other: [UInt8]) {
        input = Array(input.prefix(below(input.count + 1)) + other.suffix(below(other.count + 1)))
    }

    /// Writes a number that lengths go wrong at, two bytes wide.
    private mutating func setLengthField(_ input: inout [UInt8]) {
        guard input.count >= 2 else { return }
        let at = below(input.count - 1)
        let values = [
            0, 1, 2, input.count - 1, input.count, input.count + 1, 255, 256, 289, 290, 1_024, 0x7FFF, 0xFFFF,
        ]
        let value = values[below(values.count)]
        input[at] = UInt8(truncatingIfNeeded: value >> 8)
        input[at + 1] = UInt8(truncatingIfNeeded: value)
    }

    private mutating func removeRange(_ input: inout [UInt8]) {
        let start = below(input.count + 1)
        input.removeSubrange(start..<start + below(min(16, input.count - start) + 1))
    }

    private mutating func repeatRange(_ input: inout [UInt8]) {
        let start = below(input.count + 1)
        let range = Array(input[start..<start + below(min(64, input.count - start) + 1)])
        input.insert(contentsOf: range, at: start)
    }

    /// A number from 0 to below `limit`; 0 if there is none.
    private mutating func below(_ limit: Int) -> Int {
        limit > 0 ? Int(random.next() % UInt64(limit)) : 0
    }
}
