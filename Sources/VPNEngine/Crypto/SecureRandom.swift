internal import COpenSSL

/// Cryptographically secure random numbers from OpenSSL's generator, which the kernel seeds.
///
/// Has no state of its own; each thread of the process draws from a generator that OpenSSL keeps for it.
public struct SecureRandom: RandomNumberGenerator, Sendable {
    /// Makes a generator.
    public init() {}

    /// Eight random bytes as a number.
    public mutating func next() -> UInt64 {
        var value: UInt64 = 0
        unsafe withUnsafeMutableBytes(of: &value) { unsafe Self.fill($0) }
        return value
    }

    /// `count` random bytes.
    public func bytes(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, initialized in
            unsafe Self.fill(UnsafeMutableRawBufferPointer(buffer))
            initialized = buffer.count
        }
    }

    /// Fills `buffer`. The process ends when the generator cannot be seeded: to go on would mean guessable keys.
    private static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        guard let base = buffer.baseAddress, buffer.count > 0 else { return }
        precondition(buffer.count <= Int(CInt.max), "more random bytes than one call gives")
        let filled = unsafe RAND_bytes(base.assumingMemoryBound(to: UInt8.self), CInt(buffer.count))
        precondition(filled == 1, "the system has no random numbers to give")
    }
}
