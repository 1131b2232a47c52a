import ClusterCore
import ClusterOperations
import Testing
import VPNFormats

@Suite("The doctor")
struct DoctorTests {
    static let directory = DataDirectory(path: "/data")
    static let settings = NodeSettings(
        nodeID: String(repeating: "a", count: 32), clusterID: String(repeating: "b", count: 32), name: "n1")

    /// One thing that is wrong, and which check has to find it.
    struct Illness: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let check: String
        let state: Finding.State
        let word: String
        var isRunning = false
        let spoil: @Sendable (inout FakeHost) -> Void
    }

    static let illnesses: [Illness] = [
        Illness(testDescription: "no tun device", check: "tun", state: .fail, word: "modprobe") {
            $0.tun = .missing("x")
        },
        Illness(testDescription: "a tun device that may not be opened", check: "tun", state: .fail, word: "root") {
            $0.tun = .denied("x")
        },
        Illness(testDescription: "no CAP_NET_ADMIN", check: "privilege", state: .fail, word: "CAP_NET_ADMIN") {
            $0.isPrivileged = false
        },
        Illness(testDescription: "forwarding off", check: "forwarding-ipv4", state: .warn, word: "net.ipv4.ip_forward")
        {
            $0.forwards[.ipv4] = false
        },
        Illness(
            testDescription: "forwarding off under a running node", check: "forwarding-ipv6", state: .fail,
            word: "sysctl -w", isRunning: true
        ) { $0.forwards[.ipv6] = false },
        Illness(testDescription: "a port in use", check: "port-udp:1194", state: .fail, word: "ss -lnp") {
            $0.ports["udp:1194"] = .taken("x")
        },
        Illness(testDescription: "a port that may not be used", check: "port-udp:1194", state: .fail, word: "1023") {
            $0.ports["udp:1194"] = .denied("x")
        },
        Illness(testDescription: "a clock before the release", check: "clock", state: .fail, word: "set the clock") {
            $0.now = 1_000_000
        },
        Illness(testDescription: "a directory open to others", check: "data-directory", state: .fail, word: "chmod 700")
        {
            $0.files["/data"]?.mode = 0o755
        },
        Illness(testDescription: "no directory", check: "data-directory", state: .fail, word: "init") {
            $0.files["/data"] = nil
        },
        Illness(testDescription: "a key open to others", check: "file-cluster.key", state: .fail, word: "chmod 600") {
            $0.files["/data/cluster.key"]?.mode = 0o644
        },
        Illness(testDescription: "no key", check: "file-cluster.key", state: .fail, word: "restore") {
            $0.files["/data/cluster.key"] = nil
        },
        Illness(testDescription: "an unwritable directory", check: "writable", state: .fail, word: "writable") {
            $0.writing = .no("x")
        },
        Illness(testDescription: "a full disk", check: "space", state: .fail, word: "free some") { $0.free = 1000 },
        Illness(testDescription: "a nearly full disk", check: "space", state: .warn, word: "free some") {
            $0.free = 50 << 20
        },
        Illness(testDescription: "no nft", check: "nft", state: .fail, word: "apt-get") { $0.programs = [] },
    ]

    @Test("what is wrong with the machine is found, with the way to mend it", arguments: illnesses)
    func findsIllness(_ illness: Illness) throws {
        var host = FakeHost.sound("/data")
        illness.spoil(&host)
        let findings = Doctor(directory: Self.directory, probe: host)
            .examineHost(settings: .success(Self.settings), isRunning: illness.isRunning)
        let finding = try #require(findings.first { $0.check == illness.check })
        #expect(finding.state == illness.state)
        #expect("\(finding.summary) \(finding.advice ?? "")".contains(illness.word))
        #expect(findings.filter { $0.state != .ok }.allSatisfy { $0.advice != nil })
    }

    @Test("a machine that is in order has no finding but good ones")
    func soundHost() {
        let findings = Doctor(directory: Self.directory, probe: FakeHost.sound("/data"))
            .examineHost(settings: .success(Self.settings), isRunning: false)
        #expect(findings.allSatisfy { $0.state == .ok })
        #expect(Set(findings.map(\.check)).count == findings.count)
    }

    @Test("without NAT the program nft is not asked for")
    func routeNeedsNoFilter() {
        var host = FakeHost.sound("/data")
        host.programs = []
        var settings = Self.settings
        settings.egress = .route
        let findings = Doctor(directory: Self.directory, probe: host)
            .examineHost(settings: .success(settings), isRunning: false)
        #expect(!findings.contains { $0.check == "nft" })
    }

    @Test("the port of a running node is its own")
    func runningNode() {
        var host = FakeHost.sound("/data")
        host.ports["udp:1194"] = .taken("x")
        let findings = Doctor(directory: Self.directory, probe: host)
            .examineHost(settings: .success(Self.settings), isRunning: true)
        #expect(findings.allSatisfy { $0.state == .ok })
    }

    private static let facts = ClusterFacts(
        hostname: "vpn.example.com", clientNetworks: [IPPrefix("10.56.0.0/14")].compactMap(\.self),
        certificates: [
            ClusterFacts.Certificate(
                name: "server", title: "server certificate", notBefore: FakeHost.today - 1_000_000,
                notAfter: FakeHost.today + 400 * 86_400_000_000)
        ])

    /// Something wrong with the database's content.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let check: String
        let state: Finding.State
        var host = FakeHost()
        let spoil: @Sendable (inout ClusterFacts) -> Void
    }

    static let faults: [Fault] = [
        Fault(testDescription: "no host name", check: "hostname", state: .fail) { $0.hostname = "" },
        Fault(testDescription: "a host name that does not resolve", check: "hostname", state: .warn) {
            $0.hostname = "gone.example.com"
        },
        Fault(testDescription: "a row of a stranger", check: "integrity", state: .fail) {
            $0.tampered = ["row 1 of users"]
        },
        Fault(testDescription: "an expired certificate", check: "certificate-server", state: .fail) {
            $0.certificates[0].notAfter = FakeHost.today - 1
        },
        Fault(testDescription: "a certificate that ends soon", check: "certificate-server", state: .warn) {
            $0.certificates[0].notAfter = FakeHost.today + 86_400_000_000
        },
        Fault(testDescription: "a certificate of the future", check: "certificate-server", state: .fail) {
            $0.certificates[0].notBefore = FakeHost.today + 1_000_000
        },
        Fault(
            testDescription: "a client network that the machine is on", check: "overlap", state: .fail,
            host: {
                var host = FakeHost()
                host.hostNetworks = network("eth0")
                return host
            }()
        ) { _ in },
    ]

    private static func network(_ interface: String) -> [InterfaceNetwork] {
        guard let address = IPAddress("10.57.1.1"), let prefix = IPPrefix("10.57.1.0/24") else { return [] }
        return [InterfaceNetwork(interface: interface, address: address, prefix: prefix)]
    }

    @Test("what is wrong with the database's content is found", arguments: faults)
    func findsFault(_ fault: Fault) throws {
        var facts = Self.facts
        fault.spoil(&facts)
        let findings = Doctor(directory: Self.directory, probe: fault.host)
            .examineCluster(.success(facts), device: "asnode0")
        let finding = try #require(findings.first { $0.check == fault.check })
        #expect(finding.state == fault.state)
        #expect(finding.advice != nil)
    }

    @Test("the networks of the node's own tunnel are no conflict")
    func ownTunnel() {
        var host = FakeHost()
        host.hostNetworks = Self.network("asnode0")
        let findings = Doctor(directory: Self.directory, probe: host)
            .examineCluster(.success(Self.facts), device: "asnode0")
        #expect(findings.allSatisfy { $0.state == .ok })
    }

    @Test("an unreadable database is one finding")
    func unreadableDatabase() {
        let error = OperationError(.badData, "not a database")
        let findings = Doctor(directory: Self.directory, probe: FakeHost())
            .examineCluster(.failure(error), device: "asnode0")
        #expect(findings.map(\.state) == [.fail])
    }

    private static let database = DatabaseFacts(
        address: "postgres://vpn@db/vpn", product: "PostgreSQL", version: "15.4", leastVersion: "13", isSupported: true,
        servers: 1, protection: .encrypted(version: "TLSv1.3", verified: .host), isolation: "serializable",
        roundTrip: .milliseconds(1), clockOffset: .milliseconds(-20), takesWrites: true, schema: 2, wantedSchema: 2,
        missingPrivileges: [])

    /// Something wrong with the database or the way to it.
    struct DatabaseFault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let check: String
        let state: Finding.State
        let words: String
        let spoil: @Sendable (inout DatabaseFacts) -> Void
    }

    static let databaseFaults: [DatabaseFault] = [
        DatabaseFault(testDescription: "an old server", check: "database-server", state: .fail, words: "13 or later") {
            $0.isSupported = false
        },
        DatabaseFault(testDescription: "a former primary", check: "database-server", state: .fail, words: "no writes") {
            $0.takesWrites = false
        },
        DatabaseFault(testDescription: "a far server", check: "database-server", state: .warn, words: "80.50 ms") {
            $0.roundTrip = .microseconds(80_500)
        },
        DatabaseFault(testDescription: "no TLS", check: "database-tls", state: .fail, words: "not encrypted") {
            $0.protection = .none
        },
        DatabaseFault(testDescription: "TLS with anyone", check: "database-tls", state: .warn, words: "not looked at") {
            $0.protection = .encrypted(version: "TLSv1.3", verified: .nothing)
        },
        DatabaseFault(testDescription: "TLS without the name", check: "database-tls", state: .warn, words: "signed") {
            $0.protection = .encrypted(version: "TLSv1.3", verified: .authority)
        },
        DatabaseFault(testDescription: "an older schema", check: "database-schema", state: .fail, words: "migrate") {
            $0.schema = 1
        },
        DatabaseFault(testDescription: "an empty database", check: "database-schema", state: .fail, words: "empty") {
            $0.schema = nil
        },
        DatabaseFault(
            testDescription: "missing rights", check: "database-privileges", state: .fail, words: "INSERT on users"
        ) { $0.missingPrivileges = ["INSERT on users"] },
        DatabaseFault(testDescription: "clocks that differ", check: "store-clock", state: .fail, words: "behind") {
            $0.clockOffset = .seconds(-60)
        },
        DatabaseFault(testDescription: "an absurd clock", check: "store-clock", state: .fail, words: "ahead") {
            $0.clockOffset = .microseconds(Int64.max)
        },
    ]

    @Test("what is wrong with the database or the way to it is found", arguments: databaseFaults)
    func findsDatabaseFault(_ fault: DatabaseFault) throws {
        var facts = Self.database
        fault.spoil(&facts)
        let findings = Doctor(directory: Self.directory, probe: FakeHost()).examineDatabase(.success(facts))
        let finding = try #require(findings.first { $0.check == fault.check })
        #expect(finding.state == fault.state)
        #expect("\(finding.summary) \(finding.advice ?? "")".contains(fault.words), "\(finding)")
        #expect(findings.filter { $0.state != .ok }.count == 1)
    }

    @Test("a database as it should be, on a server or in a file, has nothing to mend")
    func soundDatabase() {
        var file = Self.database
        file.protection = .local
        for facts in [Self.database, file] {
            let findings = Doctor(directory: Self.directory, probe: FakeHost()).examineDatabase(.success(facts))
            #expect(findings.allSatisfy { $0.state == .ok && $0.advice == nil })
            #expect(findings.last?.summary == "the database's clock is 20.00 ms behind the machine's")
        }
    }
}
