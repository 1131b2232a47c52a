import ProtocolTestKit
import Testing
import VPNFormats

@testable import ClusterCore

@Suite("Sealed values")
struct SealerTests {
    private let place = SealedPlace(purpose: .passwordVerifier, table: "users", row: [1, 2, 3], column: "verifier")

    private func makeSealer(seed: UInt64 = 3) -> Sealer {
        var random = SeededGenerator(seed: seed)
        return Sealer(key: .generate(using: &random), clusterID: ClusterID(using: &random))
    }

    @Test("a value opens where it was sealed", arguments: [0, 1, 15, 16, 17, 1_000, 65_536])
    func roundTrip(count: Int) throws {
        var random = SeededGenerator(seed: 4)
        let plaintext = random.bytes(count)
        let sealed = try makeSealer().seal(plaintext, at: place, using: &random)
        #expect(sealed.count == count + Sealer.overheadBytes)
        #expect(try makeSealer().open(sealed, at: place) == plaintext)
    }

    @Test("a value begins with its format and the id of its key")
    func header() throws {
        var random = SeededGenerator(seed: 4)
        let sealed = try makeSealer().seal([1], at: place, using: &random)
        #expect(sealed.first == 1)
        #expect(Array(sealed[1..<9]) == makeSealer().keyID.bytes)
    }

    @Test("two seals of one value differ")
    func nonces() throws {
        var random = SeededGenerator(seed: 4)
        let first = try makeSealer().seal([1, 2, 3], at: place, using: &random)
        #expect(try makeSealer().seal([1, 2, 3], at: place, using: &random) != first)
    }

    static let otherPlaces: [SealedPlace] = [
        SealedPlace(purpose: .secondFactor, table: "users", row: [1, 2, 3], column: "verifier"),
        SealedPlace(purpose: .passwordVerifier, table: "user", row: [1, 2, 3], column: "verifier"),
        SealedPlace(purpose: .passwordVerifier, table: "users", row: [1, 2, 4], column: "verifier"),
        SealedPlace(purpose: .passwordVerifier, table: "users", row: [1, 2, 3], column: "verifiers"),
        SealedPlace(purpose: .passwordVerifier, table: "users\u{1}", row: [2, 3], column: "verifier"),
    ]

    @Test("a value does not open in another place or for another purpose", arguments: otherPlaces)
    func wrongPlace(other: SealedPlace) throws {
        var random = SeededGenerator(seed: 4)
        let sealed = try makeSealer().seal([1, 2, 3], at: place, using: &random)
        let error = #expect(throws: SecretsError.self) { try makeSealer().open(sealed, at: other) }
        #expect(error?.code == .notAuthentic)
    }

    @Test("a value does not open in another cluster that has the same key")
    func wrongCluster() throws {
        var random = SeededGenerator(seed: 3)
        let key = ClusterKey.generate(using: &random)
        let (one, two) = (ClusterID(using: &random), ClusterID(using: &random))
        let sealed = try Sealer(key: key, clusterID: one).seal([9], at: place, using: &random)
        let error = #expect(throws: SecretsError.self) { try Sealer(key: key, clusterID: two).open(sealed, at: place) }
        #expect(error?.code == .notAuthentic)
    }

    @Test("a value of another cluster key is told apart, and both keys are named")
    func wrongKey() throws {
        var random = SeededGenerator(seed: 4)
        let sealed = try makeSealer(seed: 5).seal([9], at: place, using: &random)
        let error = #expect(throws: SecretsError.self) { try makeSealer().open(sealed, at: place) }
        #expect(error?.code == .otherKey)
        #expect(error?.message.contains(makeSealer().keyID.description) == true)
        #expect(error?.message.contains(makeSealer(seed: 5).keyID.description) == true)
    }

    @Test("a value with any one bit changed does not open")
    func changedBit() throws {
        var random = SeededGenerator(seed: 4)
        let sealed = try makeSealer().seal([1, 2, 3], at: place, using: &random)
        for bit in 0..<sealed.count * 8 {
            var changed = sealed
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: SecretsError.self, "bit \(bit)") { try makeSealer().open(changed, at: place) }
        }
    }

    @Test("a value of any shorter length does not open, nor one with a byte more")
    func wrongLength() throws {
        var random = SeededGenerator(seed: 4)
        let sealed = try makeSealer().seal([1, 2, 3], at: place, using: &random)
        for count in 0..<sealed.count {
            #expect(throws: SecretsError.self) { try makeSealer().open(Array(sealed.prefix(count)), at: place) }
        }
        #expect(throws: SecretsError.self) { try makeSealer().open(sealed + [0], at: place) }
    }

    @Test("a value that is too long is not sealed")
    func tooLong() {
        var random = SeededGenerator(seed: 4)
        let long = [UInt8](repeating: 0, count: Sealer.plaintextByteLimit + 1)
        let error = #expect(throws: SecretsError.self) { try makeSealer().seal(long, at: place, using: &random) }
        #expect(error?.code == .tooLong)
    }

    @Test("a verifier moved to another user's row does not open there")
    func movedVerifier() throws {
        var random = SeededGenerator(seed: 6)
        let (alice, mallory) = (UserID(using: &random), UserID(using: &random))
        let verifier = try PasswordVerifier.make(password: "password 1", cost: Fixture.cheap, using: &random)
        let sealed = try makeSealer().seal(verifier, of: mallory, using: &random)
        #expect(try makeSealer().openVerifier(sealed, of: mallory) == verifier)
        #expect(throws: SecretsError.self) { try makeSealer().openVerifier(sealed, of: alice) }
    }

    @Test("a shared secret does not open as one of another purpose")
    func movedSecret() throws {
        var random = SeededGenerator(seed: 6)
        let rows = try makeSealer().seal(.generate(using: &random), createdAt: .epoch, using: &random)
        let row = try #require(rows.first { $0.purpose == .cookie })
        var moved = row
        moved.purpose = .authToken
        #expect(try makeSealer().open(row).count == 32)
        #expect(throws: SecretsError.self) { try makeSealer().open(moved) }
    }

    @Test("a private key is opened as it was sealed")
    func privateKey() throws {
        var random = SeededGenerator(seed: 6)
        let (key, serial) = (SigningKey.generate(), CertificateSerial(using: &random))
        let sealed = try makeSealer().seal(key, of: serial, using: &random)
        #expect(try makeSealer().openKey(sealed, of: serial).rawBytes == key.rawBytes)
        #expect(throws: SecretsError.self) {
            try makeSealer().openKey(sealed, of: CertificateSerial(using: &random))
        }
    }
}
