/// A parser that sees bytes from outside, with samples of what it accepts.
///
/// To put another parser under the fuzzer, add a target to ``Targets/all``.
struct Target: Sendable {
    /// What the command line calls it.
    let name: String
    /// Valid inputs, which mutation starts from. At least one.
    let samples: [[UInt8]]
    /// Gives an input to the parser. The parser must not trap; what else must hold is checked here.
    ///
    /// - Returns: Whether the input was accepted.
    /// - Throws: ``Violation`` if something does not hold.
    let run: @Sendable (_ input: [UInt8]) throws -> Bool
}

/// A property of a parser that does not hold.
struct Violation: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension Target {
    /// A parser whose result can be written again: what was read, written and read again has to be the same, and
    /// writing must not make more than `limit` bytes.
    static func roundTrip<Value: Equatable & SendableMetatype>(
        _ name: String, limit: Int, samples: [[UInt8]], parse: @escaping @Sendable ([UInt8]) -> Value?,
        serialise: @escaping @Sendable (Value) -> [UInt8]
    ) -> Target {
        Target(name: name, samples: samples) { input in
            guard let value = parse(input) else { return false }
            let written = serialise(value)
            guard written.count <= limit else {
                throw Violation("\(written.count) bytes were made of \(input.count), more than \(limit)")
            }
            guard let again = parse(written) else { throw Violation("what was written is not accepted") }
            guard again == value else { throw Violation("what was written reads differently") }
            return true
        }
    }

    /// The same for values whose form is a text.
    static func text<Value: Equatable & LosslessStringConvertible & SendableMetatype>(
        _: Value.Type, samples: [String], limit: Int = 128
    ) -> Target {
        roundTrip(
            "\(Value.self)", limit: limit, samples: samples.map { Array($0.utf8) },
            parse: { Value(String(decoding: $0, as: UTF8.self)) }, serialise: { Array($0.description.utf8) })
    }
}
