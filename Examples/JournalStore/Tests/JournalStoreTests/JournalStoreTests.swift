import ClusterCore
import Foundation
import JournalStore
import StorageTestKit
import Testing

@Suite("A store in a journal", .serialized)
struct JournalStoreTests {
    private static let backend = BackendUnderTest(capabilities: [.durable, .settableClock, .serializable]) { clock in
        let path = NSTemporaryDirectory() + "journal-\(UUID().uuidString)"
        return StoreUnderTest(remove: { try? FileManager.default.removeItem(atPath: path) }) {
            try await JournalBackend.open(path, authenticator: Checksum(), now: { clock.now() })
        }
    }

    @Test("does what every backend does", arguments: StorageConformance.cases(supporting: backend.capabilities))
    func conforms(_ testCase: ConformanceCase) async throws { try await testCase.run(on: Self.backend) }

    @Test("a record that is not there whole is as if it had not been written, wherever it is cut")
    func torn() async throws {
        let path = NSTemporaryDirectory() + "journal-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let backend = try await JournalBackend.open(path, authenticator: Checksum())
        try await backend.write { try $0.nodes.add(node(1)) }
        let first = try #require(FileManager.default.contents(atPath: path))
        try await backend.write { try $0.nodes.add(node(2)) }
        await backend.close()
        let both = try #require(FileManager.default.contents(atPath: path))
        for length in stride(from: first.count, to: both.count, by: 7) {
            try both.prefix(length).write(to: URL(fileURLWithPath: path))
            let reopened = try await JournalBackend.open(path, authenticator: Checksum())
            #expect(try await reopened.read { try $0.nodes.nodes().map(\.name) } == ["node-1"])
            try await reopened.write { try $0.nodes.add(node(3)) }
            await reopened.close()
            let again = try await JournalBackend.open(path, authenticator: Checksum())
            #expect(try await again.read { try $0.nodes.nodes().map(\.name) } == ["node-1", "node-3"])
            await again.close()
        }
    }

    @Test("a record that was changed is refused, whichever byte it is")
    func changed() async throws {
        let path = NSTemporaryDirectory() + "journal-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let backend = try await JournalBackend.open(path, authenticator: Checksum())
        for number: UInt64 in 1...2 { try await backend.write { try $0.nodes.add(node(number)) } }
        await backend.close()
        let sound = try #require(FileManager.default.contents(atPath: path))
        // The lengths are not of the first record's code; a length that is too large makes a torn record of it.
        for index in 8..<40 {
            var bytes = sound
            bytes[index] ^= 0x40
            try bytes.write(to: URL(fileURLWithPath: path))
            await #expect(throws: StorageError.self) {
                try await JournalBackend.open(path, authenticator: Checksum())
            }
        }
    }

    private func node(_ number: UInt64) -> Node {
        var generator = SystemRandomNumberGenerator()
        return Node(
            id: NodeID(using: &generator), name: "node-\(number)", hostname: "h", softwareVersion: "1",
            createdAt: .epoch, startedAt: .epoch, lastSeenAt: .epoch)
    }
}

/// FNV-1a, which tells damage and not malice; a cluster uses its `ClusterRowAuthenticator`.
private struct Checksum: RowAuthenticator {
    func code(for row: AuthenticatedRow) -> [UInt8] {
        let hash = row.bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * UInt64($0))) }
    }

    func isValid(_ code: [UInt8], for row: AuthenticatedRow) -> Bool { code == self.code(for: row) }
}
