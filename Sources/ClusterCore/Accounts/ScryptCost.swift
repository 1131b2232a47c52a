/// What one scrypt computation costs (RFC 7914): memory of 128 · N · r bytes, time proportional to N · r · p.
///
/// The default, N = 2¹⁵, r = 8, p = 1, needs 32 MiB and some 100 ms of one core of today.
public struct ScryptCost: Hashable, Sendable {
    /// What a new verifier is made with unless the settings say otherwise.
    public static let standard = ScryptCost(unchecked: (15, 8, 1))
    /// The most memory that one computation may take, in bytes: a row from the store cannot ask for more.
    public static let memoryByteLimit = 1 << 30

    /// The binary logarithm of N, 10…20.
    public let logN: Int
    /// The block size r, 1…32.
    public let blockSize: Int
    /// The parallelism p, 1…16.
    public let parallelism: Int

    /// Takes over parameters; nil when one is out of its bounds or the memory beyond 1 GiB.
    public init?(logN: Int, blockSize: Int = 8, parallelism: Int = 1) {
        guard (10...20).contains(logN), (1...32).contains(blockSize), (1...16).contains(parallelism),
            128 * blockSize << logN <= Self.memoryByteLimit
        else { return nil }
        self.init(unchecked: (logN, blockSize, parallelism))
    }

    private init(unchecked parameters: (logN: Int, blockSize: Int, parallelism: Int)) {
        logN = parameters.logN
        blockSize = parameters.blockSize
        parallelism = parameters.parallelism
    }

    /// The memory of one computation in bytes.
    public var memoryBytes: Int { 128 * blockSize << logN }

    /// Whether this cost is below another in memory or in time.
    func isLower(than other: ScryptCost) -> Bool {
        memoryBytes < other.memoryBytes || memoryBytes * parallelism < other.memoryBytes * other.parallelism
    }
}
