import ClusterOperations
import Testing
import VPNFormats

/// A machine that answers what a test wants; everything is in order unless it is told otherwise.
struct FakeHost: HostProbe {
    var tun = ProbeAnswer.yes
    var isPrivileged = true
    var forwards: [AddressFamily: Bool] = [.ipv4: true, .ipv6: true]
    var ports: [String: ProbeAnswer] = [:]
    var hostNetworks: [InterfaceNetwork] = []
    var programs: Set<String> = ["nft"]
    var names: [String: [String]] = ["vpn.example.com": ["192.0.2.1"]]
    var files: [String: FileFacts] = [:]
    var writing = ProbeAnswer.yes
    var free: Int64? = 1 << 40
    var user: UInt32 = 0
    var name = "host"
    var now = FakeHost.today

    /// 2026-11-22, microseconds since 1970.
    static let today: Int64 = 1_795_305_600_000_000

    func tunDevice() -> ProbeAnswer { tun }
    func mayConfigureNetwork() -> Bool { isPrivileged }
    func forwarding(_ family: AddressFamily) -> Bool? { forwards[family] }
    func canListen(on address: ListenAddress) -> ProbeAnswer { ports[address.description] ?? .yes }
    func networks() -> [InterfaceNetwork] { hostNetworks }
    func hasProgram(_ name: String) -> Bool { programs.contains(name) }
    func resolve(_ name: String) -> [IPAddress] { (names[name] ?? []).compactMap { IPAddress($0) } }
    func facts(of path: String) -> FileFacts? { files[path] }
    func canWrite(to directory: String) -> ProbeAnswer { writing }
    func freeBytes(at directory: String) -> Int64? { free }
    func userID() -> UInt32 { user }
    func hostName() -> String { name }
    func nowMicroseconds() -> Int64 { now }

    /// With a complete data directory.
    static func sound(_ path: String) -> FakeHost {
        var host = FakeHost()
        host.files[path] = FileFacts(kind: .directory, mode: 0o700, owner: 0, sizeBytes: 4096)
        for name in ["node.yaml", "cluster.key", "asnode.db"] {
            host.files["\(path)/\(name)"] = FileFacts(kind: .regular, mode: 0o600, owner: 0, sizeBytes: 10)
        }
        return host
    }
}
