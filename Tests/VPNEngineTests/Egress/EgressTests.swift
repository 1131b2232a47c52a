import Testing
import VPNFormats

@testable import VPNEngine

@Suite("The way out", .serialized)
struct EgressTests {
    /// What `nft list ruleset` prints in the namespace of the calling thread.
    private static func ruleset() throws -> String {
        try TestProgram.run("nft list ruleset")
    }

    private static func rules(_ device: String = "asn0", dropping: Bool = false) throws -> EgressRules {
        EgressRules(
            device: device,
            masquerade: [try #require(IPPrefix("10.99.0.0/24")), try #require(IPPrefix("fd00:99::/64"))],
            dropsClientToClient: dropping)
    }

    @Test("the table is there while its owner is, and replaces one that was left")
    func lifeCycle() throws {
        try NetworkNamespace.run {
            var egress: NATEgress? = try NATEgress(Self.rules())
            var text = try Self.ruleset()
            #expect(text.contains("table inet asnode_asn0"))
            #expect(text.contains("oifname != \"asn0\" ip saddr 10.99.0.0/24 masquerade"))
            #expect(text.contains("oifname != \"asn0\" ip6 saddr fd00:99::/64 masquerade"))
            #expect(!text.contains("drop"))

            // A second one stands for the start after a crash: the table is replaced, not added to.
            let again = try NATEgress(Self.rules(dropping: true))
            text = try Self.ruleset()
            #expect(text.ranges(of: "10.99.0.0/24 masquerade").count == 1)
            #expect(text.contains("iifname \"asn0\" oifname \"asn0\" drop"))

            try again.update(Self.rules(dropping: false))
            #expect(try !Self.ruleset().contains("drop"))
            #expect(throws: NetworkError.self) { try again.update(Self.rules("other")) }

            try again.remove()
            try again.remove()
            #expect(try Self.ruleset() == "")
            #expect(throws: NetworkError.self) { try again.update(Self.rules()) }

            egress = nil
            _ = egress
            #expect(try Self.ruleset() == "")
        }
    }

    @Test("tables of two devices stand side by side and go one by one")
    func twoDevices() throws {
        try NetworkNamespace.run {
            let first = try NATEgress(Self.rules("asn0"))
            let second = try NATEgress(Self.rules("asn-1"))
            #expect(try Self.ruleset().contains("table inet asnode_asn_1"))
            try first.remove()
            let text = try Self.ruleset()
            #expect(!text.contains("asnode_asn0") && text.contains("asnode_asn_1"))
            try second.remove()
        }
    }

    @Test("a device's name cannot smuggle rules in", arguments: ["a\" drop", "a\n", "tun%d", "", "a;b"])
    func names(device: String) throws {
        let error = #expect(throws: NetworkError.self) { _ = try NATEgress(Self.rules(device)) }
        #expect(error?.code == .invalidArgument)
    }

    @Test("forwarding is read and turned on, once")
    func forwarding() throws {
        try NetworkNamespace.run {
            #expect(try !Forwarding.ipv6.isEnabled())
            try KernelSetting("/proc/sys/net/ipv4/ip_forward").write("0")
            #expect(try !Forwarding.ipv4.isEnabled())
            #expect(try Forwarding.ipv4.enable() == ["net.ipv4.ip_forward = 1"])
            #expect(try Forwarding.ipv4.isEnabled())
            #expect(try Forwarding.ipv4.enable() == [])

            // Interfaces that take routes from router advertisements are told to go on doing so first.
            try KernelSetting("/proc/sys/net/ipv6/conf/lo/accept_ra").write("1")
            let changed = try Forwarding.ipv6.enable()
            #expect(changed.contains("net.ipv6.conf.lo.accept_ra = 2"))
            #expect(changed.last == "net.ipv6.conf.all.forwarding = 1")
            #expect(try Forwarding.ipv6.isEnabled())
            #expect(try KernelSetting("/proc/sys/net/ipv6/conf/lo/accept_ra").read() == "2")
        }
    }

    @Test("a setting that the kernel lacks is named")
    func missingSetting() {
        let error = #expect(throws: NetworkError.self) { _ = try KernelSetting("/proc/sys/net/none").read() }
        #expect(error?.code == .notFound)
        #expect(error?.message.contains("/proc/sys/net/none") == true)
    }
}
