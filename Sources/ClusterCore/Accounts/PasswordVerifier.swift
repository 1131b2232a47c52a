import Crypto
import CryptoExtras
import Foundation
import VPNFormats

/// What is stored of a password: the parameters, a random salt and the scrypt hash, from which a password can be
/// verified but not be read.
///
/// The text form is that of the PHC string format: `$scrypt$ln=15,r=8,p=1$SALT$HASH`, Base64 without padding. Passwords
/// are brought to Unicode normal form C first, as OpaqueString of RFC 8265 asks, so that the same password typed on
/// another system is the same bytes. Making and checking a verifier takes tens of milliseconds and much memory: never
/// call them on a thread that moves packets.
public struct PasswordVerifier: Sendable, Equatable {
    /// The bytes of salt of a new verifier.
    static let saltByteCount = 16
    /// The bytes of hash of a new verifier.
    static let hashByteCount = 32
    /// The longest password that is hashed, in bytes of UTF-8: a longer one matches nothing.
    static let passwordByteLimit = 1_024
    /// The longest text form that is looked at, in bytes.
    static let textByteLimit = 512

    /// What this verifier costs to check.
    public let cost: ScryptCost
    let salt: [UInt8]
    let hash: [UInt8]

    /// Makes the verifier of a password.
    ///
    /// - Parameters:
    ///   - password: 1…1,024 bytes of UTF-8; see ``PasswordRules`` for what users may choose.
    ///   - cost: Memory and time to spend now and at each check.
    ///   - random: Where the 16 bytes of salt come from; cryptographically secure outside tests.
    /// - Throws: ``SecretsError`` with code `cryptography` when the password is empty or too long, or memory is short.
    public static func make(
        password: String, cost: ScryptCost = .standard, using random: inout some RandomNumberGenerator
    ) throws(SecretsError) -> PasswordVerifier {
        let salt = [UInt8].random(count: saltByteCount, using: &random)
        guard let hash = derive(password, salt: salt, cost: cost, count: hashByteCount) else {
            throw SecretsError(
                .cryptography, "the password could not be hashed: it is empty, too long or memory is short")
        }
        return PasswordVerifier(cost: cost, salt: salt, hash: hash)
    }

    /// A verifier that no password matches and that costs as much to check as a real one. Checked for users who do
    /// not exist or have no password, so that the time of the answer does not tell who exists.
    ///
    /// - Parameter cost: What the verifiers of real users cost: the setting.
    public static func decoy(cost: ScryptCost) -> PasswordVerifier {
        PasswordVerifier(
            cost: cost, salt: [UInt8](repeating: 0x5a, count: saltByteCount),
            hash: [UInt8](repeating: 0, count: hashByteCount), isDecoy: true)
    }

    private var isDecoy = false

    private init(cost: ScryptCost, salt: [UInt8], hash: [UInt8], isDecoy: Bool = false) {
        self.cost = cost
        self.salt = salt
        self.hash = hash
        self.isDecoy = isDecoy
    }

    /// Whether the password is the one that this verifier was made from. The hashes are compared in constant time, and
    /// a decoy does all the work before it says no.
    public func matches(_ password: String) -> Bool {
        guard let candidate = Self.derive(password, salt: salt, cost: cost, count: hash.count) else { return false }
        return constantTimeEquals(candidate, hash) && !isDecoy
    }

    /// Whether the verifier was made with less memory or time than `wanted`: make a new one at the next login.
    public func needsRehash(wanted: ScryptCost) -> Bool { cost.isLower(than: wanted) }

    private static func derive(_ password: String, salt: [UInt8], cost: ScryptCost, count: Int) -> [UInt8]? {
        guard password.utf8.count <= passwordByteLimit else { return nil }
        let bytes = Array(password.precomposedStringWithCanonicalMapping.utf8)
        guard !bytes.isEmpty, bytes.count <= passwordByteLimit * 3 else { return nil }
        let key = try? KDF.Scrypt.deriveKey(
            from: bytes, salt: salt, outputByteCount: count, rounds: 1 << cost.logN, blockSize: cost.blockSize,
            parallelism: cost.parallelism)
        return key.map { $0.withUnsafeBytes { Array($0) } }
    }
}

// MARK: - Text form

extension PasswordVerifier {
    /// The text form, to be sealed before it is stored.
    public func encoded() -> String {
        "$scrypt$ln=\(cost.logN),r=\(cost.blockSize),p=\(cost.parallelism)$\(Self.base64(salt))$\(Self.base64(hash))"
    }

    /// Reads the text form.
    ///
    /// - Returns: nil when the text is not of that form, or asks for more memory or time than ``ScryptCost`` allows.
    public init?(encoded text: String) {
        guard text.utf8.count <= Self.textByteLimit else { return nil }
        let fields = text.split(separator: "$", omittingEmptySubsequences: false)
        guard fields.count == 5, fields[0].isEmpty, fields[1] == "scrypt", let cost = Self.cost(fields[2]),
            let salt = Self.bytes(base64: fields[3]), let hash = Self.bytes(base64: fields[4]),
            (8...64).contains(salt.count), (16...64).contains(hash.count)
        else { return nil }
        self.init(cost: cost, salt: salt, hash: hash)
    }

    private static func cost(_ text: Substring) -> ScryptCost? {
        let parameters = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parameters.count == 3, let logN = number(parameters[0], after: "ln="),
            let blockSize = number(parameters[1], after: "r="), let parallelism = number(parameters[2], after: "p=")
        else { return nil }
        return ScryptCost(logN: logN, blockSize: blockSize, parallelism: parallelism)
    }

    private static func number(_ text: Substring, after prefix: String) -> Int? {
        guard text.hasPrefix(prefix) else { return nil }
        let digits = text.dropFirst(prefix.count)
        return digits.utf8.allSatisfy { (48...57).contains($0) } ? Int(digits) : nil
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        var text = Base64.encode(bytes)
        while text.last == "=" { text.removeLast() }
        return text
    }

    private static func bytes(base64 text: Substring) -> [UInt8]? {
        Base64.decode(text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4), maximumBytes: 64)
    }
}

extension PasswordVerifier: CustomStringConvertible, CustomReflectable {
    /// The cost alone; neither salt nor hash.
    public var description: String { "PasswordVerifier(ln=\(cost.logN),r=\(cost.blockSize),p=\(cost.parallelism))" }
    /// Shows the cost alone.
    public var customMirror: Mirror { Mirror(self, children: ["cost": cost]) }
}
