import ClusterCore
import Testing
import VPNFormats

@Suite("Values that stores keep")
struct ModelTests {
    @Test(
        "times print as RFC 3339 in UTC",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (951_827_696_000_250, "2000-02-29T12:34:56.000250Z"), (4_107_542_400_000_000, "2100-03-01T00:00:00Z"),
            (1_795_344_180_000_000, "2026-11-22T10:43:00Z"), (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
        ] as [(Int64, String)])
    func timestampText(microseconds: Int64, text: String) {
        #expect("\(Timestamp(microseconds: microseconds))" == text)
    }

    @Test("sums of times are clamped, never trap")
    func timestampBounds() {
        let last = Timestamp(microseconds: .max)
        let first = Timestamp(microseconds: .min)
        #expect(last + .seconds(1) == last)
        #expect(first - .seconds(1) == first)
        #expect(first + .seconds(-1) == first)
        #expect(last - .seconds(-1) == last)
        #expect(last.elapsed(since: first) > .zero)
        #expect(first.elapsed(since: last) < .zero)
        #expect(Timestamp(seconds: .max) == last && Timestamp(seconds: .min) == first)
        #expect(Duration.seconds(Int64.max).wholeMicroseconds == .max)
        #expect(!last.description.isEmpty && !first.description.isEmpty)
        #expect(Timestamp(microseconds: -1).seconds == -1)
    }

    @Test("identifiers read back from their bytes and text, and nothing else is one")
    func identifiers() throws {
        let id = try #require(UserID("00112233445566778899AABBccddeeff"))
        #expect("\(id)" == "00112233445566778899aabbccddeeff")
        #expect(UserID(bytes: id.bytes) == id)
        for text in [
            "", "0", "00112233445566778899aabbccddeef", "00112233445566778899aabbccddeefg",
            "-0112233445566778899aabbccddeeff",
        ] {
            #expect(UserID(text) == nil)
        }
        #expect(UserID(bytes: [UInt8](repeating: 0, count: 15)) == nil)
        #expect(TokenSessionID(bytes: [UInt8](repeating: 0, count: 13)) == nil)
        #expect(TokenSessionID("0102030405060708090a0b0c")?.bytes == Array(1...12))
    }

    @Test("serials are positive and at most 20 bytes")
    func serials() {
        #expect(CertificateSerial(bytes: [0, 0, 1])?.bytes == [1])
        #expect(CertificateSerial("01:Ab")?.bytes == [1, 0xab])
        #expect(CertificateSerial("1ab")?.bytes == [1, 0xab])
        #expect(CertificateSerial(bytes: [0x7f] + [UInt8](repeating: 0xff, count: 19)) != nil)
        #expect(CertificateSerial(bytes: [0x80] + [UInt8](repeating: 0, count: 19)) == nil)
        #expect(CertificateSerial(bytes: [UInt8](repeating: 1, count: 21)) == nil)
        for bytes in [[], [0], [0, 0]] as [[UInt8]] { #expect(CertificateSerial(bytes: bytes) == nil) }
        for text in ["", ":", "zz", "00"] { #expect(CertificateSerial(text) == nil) }
    }

    @Test("a sealed value shows its size alone")
    func sealedValue() throws {
        let value = try #require(SealedValue([0xde, 0xad]))
        #expect("\(value)" == "sealed(2 bytes)")
        #expect(String(reflecting: value) == "sealed(2 bytes)")
        #expect(Mirror(reflecting: value).children.isEmpty)
        #expect(SealedValue([]) == nil)
    }

    @Test("rows that say different things have different canonical forms")
    func authenticatedRows() {
        let rows = [
            AuthenticatedRow(table: "a", fields: []),
            AuthenticatedRow(table: "ab", fields: []),
            AuthenticatedRow(table: "a", fields: [.null]),
            AuthenticatedRow(table: "a", fields: [.text("b")]),
            AuthenticatedRow(table: "a", fields: [.bytes([0x62])]),
            AuthenticatedRow(table: "a", fields: [.text("b"), .text("")]),
            AuthenticatedRow(table: "a", fields: [.text(""), .text("b")]),
            AuthenticatedRow(table: "a", fields: [.integer(1)]),
            AuthenticatedRow(table: "a", fields: [.integer(-1)]),
            AuthenticatedRow(table: "a", fields: [.text("bc")]),
            AuthenticatedRow(table: "a", fields: [.text("b"), .text("c")]),
        ]
        #expect(Set(rows.map(\.bytes)).count == rows.count)
    }
}

@Suite("Settings")
struct SettingTests {
    private let cluster: ClusterID

    init() throws { cluster = try #require(ClusterID("00112233445566778899aabbccddeeff")) }

    @Test("names are unique, and every default is a value that its setting may have")
    func defaults() throws {
        #expect(Set(SettingDefinition.all.map(\.name)).count == SettingDefinition.all.count)
        for definition in SettingDefinition.all {
            let text = definition.defaultText(in: cluster)
            #expect(try definition.normalised(text) == text, "\(definition.name)")
            #expect(!definition.summary.isEmpty && !definition.explanation.isEmpty)
            #expect(try SettingDefinition.named(definition.name).name == definition.name)
        }
    }

    @Test("the default networks serve 256 nodes with 1,000 clients each, over both families")
    func networks() throws {
        let settings = Settings(cluster: cluster)
        let networks = settings[.clientNetworks]
        #expect(networks.map { "\($0)" } == ["10.56.0.0/14", "fd00:1122:3344::/48"])
        for network in networks {
            switch network {
            case .v4(let prefix):
                let length = settings[.clientPrefixLengthIPv4]
                #expect(try #require(prefix.subprefixCount(length: length)) >= 256)
                #expect(1 << (32 - length) - 3 >= 1000)
            case .v6(let prefix):
                #expect(try #require(prefix.subprefixCount(length: settings[.clientPrefixLengthIPv6])) >= 256)
            }
        }
    }

    @Test(
        "values are read in the forms people write, and stored in one",
        arguments: [
            ("hold-tun", "Yes", "true"), ("hold-tun", "off", "false"), ("keepalive.client-ping", "60s", "1m"),
            ("token.lifetime", "1440m", "1d"), ("token.lifetime", "90s", "90s"), ("retention.audit", "0", "0"),
            ("store.poll-interval", "1s", "1s"), ("store.poll-interval", "1500ms", "1500ms"),
            ("hostname", "VPN.Example.COM.", "vpn.example.com"), ("hostname", "2001:DB8::1", "2001:db8::1"),
            ("push.dns-servers", "192.0.2.1,  192.0.2.2", "192.0.2.1,192.0.2.2"), ("push.dns-servers", "", ""),
            ("push.search-domains", "Example.com corp", "example.com,corp"),
            ("data.ciphers", "CHACHA20-POLY1305", "CHACHA20-POLY1305"), ("tls.version-min", "1.3", "1.3"),
        ])
    func values(name: String, text: String, stored: String) throws {
        #expect(try SettingDefinition.named(name).normalised(text) == stored)
    }

    @Test(
        "what is no value is refused",
        arguments: [
            ("hold-tun", "maybe"), ("keepalive.client-ping", "0"), ("keepalive.client-ping", "8"),
            ("keepalive.client-ping", "-8s"), ("keepalive.client-ping", "8 s"), ("keepalive.client-ping", "٨s"),
            ("keepalive.client-ping", "99999999999999999999d"), ("limit.clients", "0"), ("limit.clients", "1e3"),
            ("hostname", "-a.example"), ("hostname", "a..b"), ("hostname", "a_b"), ("hostname", "1.2.3"),
            ("hostname", "a\nremote evil"), ("hostname", String(repeating: "a", count: 64)), ("client.networks", ""),
            ("client.networks", "10.0.0.1/8"), ("client.networks", "10.0.0.0/8,10.0.0.0/8"),
            ("data.ciphers", "AES-256-CBC"), ("data.ciphers", ""), ("tls.version-min", "1.1"),
            ("push.dns-servers", "1.1.1.1;8.8.8.8"), ("push.dns-servers", String(repeating: "192.0.2.1,", count: 9)),
        ])
    func badValues(name: String, text: String) {
        #expect(throws: SettingError.self) { try SettingDefinition.named(name).normalised(text) }
    }

    @Test("a stored value that is none falls back to the default and is reported; an unknown name is reported")
    func problems() {
        let settings = Settings(
            cluster: cluster, stored: ["hold-tun": "perhaps", "from-the-future": "1", "limit.clients": "7"])
        #expect(settings[.holdTun] == false)
        #expect(settings[.maximumClients] == 7)
        #expect(settings.problems.map(\.name) == ["from-the-future", "hold-tun"])
    }

    @Test("an unknown name is answered with names that look like it")
    func hint() {
        let error = #expect(throws: SettingError.self) { try SettingDefinition.named("dns-servers") }
        #expect(error?.reason.contains("push.dns-servers") == true)
    }

    @Test("a typed value that the setting may not have is refused")
    func typedValues() throws {
        #expect(try Setting<Duration>.clientPing.text(of: .seconds(8)) == "8s")
        #expect(throws: SettingError.self) { try Setting<Duration>.clientPing.text(of: .zero) }
        #expect(throws: SettingError.self) { try Setting<Duration>.clientPing.text(of: .microseconds(1_000_001)) }
        #expect(throws: SettingError.self) { try Setting<Int>.maximumClients.text(of: 0) }
    }
}
