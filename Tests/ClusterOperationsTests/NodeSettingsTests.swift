import ClusterOperations
import Foundation
import Testing
import VPNFormats

@Suite("node.yaml")
struct NodeSettingsTests {
    /// A data directory of its own, gone afterwards.
    private func withDirectory(_ body: (DataDirectory) async throws -> Void) async throws {
        let path = NSTemporaryDirectory() + "asnode-settings-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = DataDirectory(path: path)
        try directory.create()
        try await body(directory)
    }

    private static let id = String(repeating: "0a", count: 16)

    private static func settings() throws -> NodeSettings {
        NodeSettings(
            nodeID: id, clusterID: id, name: "node-1.example",
            listen: [try ListenAddress(parsing: "udp:1194"), try ListenAddress(parsing: "udp:[2001:db8::1]:1195")],
            publicAddresses: [IPAddress("192.0.2.1"), IPAddress("2001:db8::2")].compactMap(\.self), device: "tun-x",
            egress: .route, databaseURL: "sqlite:///tmp/with \"quotes\" and \\ more.db", logLevel: "debug")
    }

    @Test("what is written is read again, quotes and all")
    func roundTrip() async throws {
        try await withDirectory { directory in
            let settings = try Self.settings()
            try directory.write(DataDirectory.settingsName, Array(settings.fileText().utf8))
            #expect(try await NodeSettings.load(from: directory, environment: [:]) == settings)
        }
    }

    @Test("the defaults survive the way through the file")
    func defaults() async throws {
        try await withDirectory { directory in
            let settings = NodeSettings(nodeID: Self.id, clusterID: Self.id, name: "n1")
            try directory.write(DataDirectory.settingsName, Array(settings.fileText().utf8))
            #expect(try await NodeSettings.load(from: directory, environment: [:]) == settings)
        }
    }

    @Test("the environment wins over the file, but not for the ids")
    func environmentWins() async throws {
        try await withDirectory { directory in
            try directory.write(DataDirectory.settingsName, Array(try Self.settings().fileText().utf8))
            let other = String(repeating: "ff", count: 16)
            let read = try await NodeSettings.load(
                from: directory,
                environment: [
                    "ASNODE_LOG_LEVEL": "error", "ASNODE_LISTEN": "udp:2000,udp:2001", "ASNODE_ID": other,
                    "ASNODE_CLUSTER": other, "ASNODE_EGRESS": "nat",
                ])
            #expect(read.logLevel == "error")
            #expect(read.listen.map(\.description) == ["udp:2000", "udp:2001"])
            #expect(read.egress == .nat)
            #expect(read.nodeID == Self.id && read.clusterID == Self.id)
        }
    }

    @Test(
        "a file that cannot be used is refused with the word that is wrong",
        arguments: [
            ("nmae: n1\n", "nmae"), ("name: n1\n", "id"), ("id: xyz\ncluster: xyz\nname: n1\n", "hexadecimal"),
            ("id: \(id)\ncluster: \(id)\nname: n1\nlisten: udp:1194\n", "listen"),
            ("id: \(id)\ncluster: \(id)\nname: n1\nlisten:\n  - udp:99999\n", "udp:99999"),
            ("id: \(id)\ncluster: \(id)\nname: n1\nlisten:\n  - udp:1194\n  - udp:1194\n", "same port"),
            ("id: \(id)\ncluster: \(id)\nname: '../x'\n", "name"),
            ("id: \(id)\ncluster: \(id)\nname: n1\negress: maybe\n", "maybe"),
            ("id: \(id)\ncluster: \(id)\nname: n1\ndevice: a/b\n", "device"),
            ("id: \(id)\ncluster: \(id)\nname: n1\nlog-level: loud\n", "log-level"),
            ("id: [\n", "node.yaml"), ("", "node.yaml"), ("- a\n- b\n", "node.yaml"),
        ])
    func refused(_ text: String, _ word: String) async throws {
        try await withDirectory { directory in
            try directory.write(DataDirectory.settingsName, Array(text.utf8))
            let error = await #expect(throws: OperationError.self) {
                try await NodeSettings.load(from: directory, environment: [:])
            }
            #expect(error?.code == .configuration)
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
        }
    }

    @Test("a file that is not text or far too long is refused")
    func hostileBytes() async throws {
        try await withDirectory { directory in
            for bytes in [[UInt8](repeating: 0xff, count: 100), [UInt8](repeating: 0x61, count: 100_000)] {
                try directory.write(DataDirectory.settingsName, bytes)
                await #expect(throws: OperationError.self) {
                    try await NodeSettings.load(from: directory, environment: [:])
                }
            }
        }
    }

    @Test("a directory is closed to others, its files too, and replaced files keep no trace of the old ones")
    func permissions() async throws {
        try await withDirectory { directory in
            try directory.write("a", [1, 2, 3])
            try directory.write("a", [4])
            #expect(try directory.read("a", limitBytes: 10) == [4])
            #expect(try directory.facts(of: "a")?.mode == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["a"])
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
            #expect(throws: OperationError.self) { try directory.check() }
            try directory.create()
            try directory.check()
        }
    }

    @Test("one node at a time runs on a directory")
    func lock() async throws {
        try await withDirectory { directory in
            var lock: DirectoryLock? = try directory.lockForRunning()
            #expect(try directory.isRunning())
            let error = #expect(throws: OperationError.self) { try directory.lockForRunning() }
            #expect(error?.code == .tryLater)
            withExtendedLifetime(lock) {}
            lock = nil
            #expect(try !directory.isRunning())
            _ = try directory.lockForRunning()
        }
    }
}
