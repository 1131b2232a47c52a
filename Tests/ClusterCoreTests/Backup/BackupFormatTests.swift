import ClusterCore
import Crypto
import ProtocolTestKit
import Testing

@Suite("Backup files")
struct BackupFormatTests {
    static let table = ContentTable(
        "users", [.init("id", .bytes(16)), .init("name", .text(255)), .init("age", .integer, optional: true)],
        key: ["id"])
    static let rows = (0..<5).map { number in
        ContentRow([
            .bytes([UInt8](repeating: UInt8(number), count: 16)), .text("üser \(number)"),
            number == 3 ? .null : .integer(Int64.min + Int64(number)),
        ])
    }

    static func header(_ note: String = "1.0") throws -> BackupHeader {
        var random = SeededGenerator(seed: 5)
        return BackupHeader(
            cluster: ClusterID(using: &random),
            revision: Revision(
                lineage: LineageID(using: &random), number: 41, change: ChangeID(using: &random)),
            createdAt: Timestamp(microseconds: 1_795_305_600_000_001), software: note,
            keyID: try key().id, nodeSettings: "name: n1\n")
    }

    static func key(_ byte: UInt8 = 7) throws -> ClusterKey {
        try ClusterKey(bytes: [UInt8](repeating: byte, count: 32))
    }

    /// A whole backup with a key under a cheap passphrase.
    static func sample() throws -> [UInt8] {
        var random = SeededGenerator(seed: 9)
        var encoder = BackupEncoder()
        let header = try header()
        let envelope = try KeyEnvelope(
            try key(), passphrase: "correct horse", header: header, cost: try #require(ScryptCost(logN: 10)),
            using: &random)
        return encoder.header(header) + encoder.key(envelope) + encoder.table(table) + encoder.rows(rows)
            + encoder.rows([]) + encoder.end()
    }

    /// Reads a backup to its end.
    ///
    /// - Parameter largest: Gets the most bytes that were asked for at once.
    static func read(_ bytes: [UInt8], largest: (Int) -> Void = { _ in }) throws -> [BackupDecoder.Item] {
        var items: [BackupDecoder.Item] = []
        try withoutActuallyEscaping(largest) { largest in
            var position = 0
            var decoder = BackupDecoder { count in
                largest(count)
                let part = bytes[position...].prefix(count)
                position += part.count
                return Array(part)
            }
            while let item = try decoder.next() { items.append(item) }
        }
        return items
    }

    static func code(_ bytes: [UInt8]) -> BackupError.Code? {
        do {
            _ = try read(bytes)
            return nil
        } catch {
            return (error as? BackupError)?.code
        }
    }

    @Test("what was written is read again, the key with it")
    func roundTrip() throws {
        let items = try Self.read(try Self.sample())
        #expect(items.count == 6)
        guard case .header(let header) = items[0], case .key(let envelope) = items[1],
            case .table(let name, let columns) = items[2], case .rows(let rows) = items[3], case .end(5) = items[5]
        else {
            Issue.record("other records: \(items)")
            return
        }
        #expect(try header == Self.header())
        #expect(name == "users" && columns == ["id", "name", "age"])
        #expect(rows == Self.rows)
        #expect(envelope.opener == .passphrase)
        #expect(try envelope.open(passphrase: "correct horse", header: header).id == header.keyID)
    }

    @Test("a wrong passphrase, or the key of another backup, opens nothing")
    func wrongPassphrase() throws {
        guard case .key(let envelope) = try Self.read(try Self.sample())[1] else {
            Issue.record("no key")
            return
        }
        for (passphrase, note) in [("correct hors", "1.0"), ("", "1.0"), ("correct horse", "1.1")] {
            let error = #expect(throws: BackupError.self) {
                try envelope.open(passphrase: passphrase, header: try Self.header(note))
            }
            #expect(error?.code == .wrongKey)
        }
    }

    @Test("a key sealed to a recipient opens with that private key alone")
    func recipient() throws {
        let identity = try BackupIdentity(pem: P256.KeyAgreement.PrivateKey().pemRepresentation)
        let stranger = try BackupIdentity(pem: P256.KeyAgreement.PrivateKey().pemRepresentation)
        let header = try Self.header()
        let envelope = try KeyEnvelope(try Self.key(), recipient: identity.recipient, header: header)
        var encoder = BackupEncoder()
        let bytes = encoder.header(header) + encoder.key(envelope) + encoder.end()
        guard case .key(let read) = try Self.read(bytes)[1] else {
            Issue.record("no key")
            return
        }
        #expect(read == envelope && read.opener == .identity)
        #expect(try read.open(identity: identity, header: header).id == header.keyID)
        #expect(throws: BackupError.self) { try read.open(identity: stranger, header: header) }
        #expect(throws: BackupError.self) { try read.open(identity: identity, header: try Self.header("1.1")) }
        #expect(throws: BackupError.self) { try read.open(passphrase: "correct horse", header: header) }
    }

    @Test(
        "keys in other forms are refused",
        arguments: ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
    func otherKeys(_ text: String) {
        #expect(throws: SecretsError.self) { try BackupRecipient(pem: text) }
        #expect(throws: SecretsError.self) { try BackupIdentity(pem: text) }
    }

    @Test("a file that ends anywhere before its end is told as such")
    func truncated() throws {
        let bytes = try Self.sample()
        for count in 0..<bytes.count {
            let expected: BackupError.Code = count < 8 ? .foreign : .truncated
            #expect(Self.code(Array(bytes.prefix(count))) == expected, "\(count) bytes")
        }
    }

    @Test("no bit can be flipped without being found")
    func flippedBits() throws {
        let bytes = try Self.sample()
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 1 << (place % 8)
            #expect(Self.code(changed) != nil, "byte \(place)")
        }
    }

    @Test("records that are missing, doubled, moved or appended are found")
    func records() throws {
        var encoder = BackupEncoder()
        let header = encoder.header(try Self.header())
        let table = encoder.table(Self.table)
        let (first, second) = (encoder.rows(Array(Self.rows.prefix(2))), encoder.rows(Array(Self.rows.suffix(3))))
        let end = encoder.end()
        #expect(Self.code(header + table + first + second + end) == nil)
        let others = [
            header + table + second + first + end, header + table + first + end,
            header + table + first + first + second + end, header + first + second + end,
            header + table + table + first + second + end, table + first + second + end,
            header + header.dropFirst(12) + table + first + second + end,
            header + table + first + second + end + end, header + table + first + second + end + [0],
        ]
        for (number, other) in others.enumerated() { #expect(Self.code(other) != nil, "\(number)") }
    }

    @Test("other files, newer formats and lengths beyond all bounds are refused at once")
    func hostileFronts() throws {
        let bytes = try Self.sample()
        #expect(Self.code(Array("SQLite format 3\0".utf8)) == .foreign)
        var newer = bytes
        newer[11] = 2
        #expect(Self.code(newer) == .newer)
        for length: [UInt8] in [[0xff, 0xff, 0xff, 0xff], [0x00, 0x80, 0x00, 0x01]] {
            var huge = bytes
            huge.replaceSubrange(13..<17, with: length)
            var most = 0
            #expect(throws: BackupError.self) { try Self.read(huge) { most = max(most, $0) } }
            #expect(most < 1024)
        }
    }

    @Test("whatever the payloads say under right checksums, nothing traps and memory is bounded")
    func mutatedPayloads() throws {
        var random = SeededGenerator(forTest: "mutatedPayloads")
        let payloads = try Self.payloads(of: Self.sample())
        for _ in 0..<4_000 {
            var changed = payloads
            let index = Int.random(in: changed.indices, using: &random)
            Self.mutate(&changed[index].payload, using: &random)
            if Bool.random(using: &random) {
                changed[index].kind = UInt8.random(in: 0...6, using: &random)
            }
            do {
                for item in try Self.read(Self.file(changed)) {
                    guard case .key(let envelope) = item else { continue }
                    // What opening would cost is bounded too; it is not paid here.
                    #expect(envelope.opener == .passphrase || envelope.opener == .identity)
                }
            } catch {
                #expect(error is BackupError)
            }
        }
    }

    /// The records of a file, without their checksums.
    private static func payloads(of file: [UInt8]) -> [(kind: UInt8, payload: [UInt8])] {
        var records: [(kind: UInt8, payload: [UInt8])] = []
        var position = 12
        while position < file.count {
            let length = file[(position + 1)..<(position + 5)].reduce(0) { $0 << 8 | Int($1) }
            records.append((file[position], Array(file[(position + 5)..<(position + 5 + length)])))
            position += 5 + length + 32
        }
        return records
    }

    /// A file of records, with right checksums and a right end.
    private static func file(_ records: [(kind: UInt8, payload: [UInt8])]) -> [UInt8] {
        var bytes = Array("asnodeBK".utf8) + [0, 0, 0, 1]
        for record in records {
            var payload = record.payload
            if record.kind == 5, payload.count == 40 {
                payload.replaceSubrange(8..<40, with: Array(SHA256.hash(data: bytes)))
            }
            let length = withUnsafeBytes(of: UInt32(payload.count).bigEndian) { Array($0) }
            let whole = [record.kind] + length + payload
            bytes += whole + Array(SHA256.hash(data: whole))
        }
        return bytes
    }

    private static func mutate(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
        for _ in 0...Int.random(in: 0...3, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0...3, using: &random) {
            case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 1 where place < bytes.count: bytes.remove(at: place)
            case 2 where place < bytes.count:
                bytes[place] = [0, 1, 2, 3, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
            default: bytes = Array(bytes.prefix(place))
            }
        }
    }
}
