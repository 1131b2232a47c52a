import Foundation
import Glibc

/// The smallest embedder of an engine, in the node's namespace, with certificates that `openssl` makes.
final class EngineProbe {
    static let gateway4 = "10.88.0.1"
    static let gateway6 = "fd88::1"
    private static var binary: String {
        ProcessInfo.processInfo.environment["ENGINE_PROBE_BINARY"]
            ?? FileManager.default.currentDirectoryPath + "/.build/debug/engine-probe"
    }

    private let topology: Topology
    private var starts = 0

    init(in topology: Topology) throws {
        guard FileManager.default.isExecutableFile(atPath: Self.binary) else {
            throw HarnessError("no program at \(Self.binary): run `swift build`, or set ENGINE_PROBE_BINARY")
        }
        self.topology = topology
        try makeAuthority()
        try makeCertificate("server")
        try makeCertificate("client")
        try openvpn("--genkey", "tls-crypt-v2-server", topology.file("tls-crypt-v2.key"))
        try openvpn(
            "--tls-crypt-v2", topology.file("tls-crypt-v2.key"), "--genkey", "tls-crypt-v2-client",
            topology.file("client-v2.key"))
        try openvpn("--genkey", "secret", topology.file("tls-crypt.key"))
    }

    /// Starts the program, and waits until it serves.
    func start(_ options: String...) throws -> ChildProcess {
        starts += 1
        let process = try ChildProcess(
            topology.inside(
                topology.node,
                [Self.binary, topology.directory, "1194", "asnt-probe", "10.88.0.0/24", "fd88::/64"] + options),
            log: LogFile(path: topology.file("probe-\(starts).log")))
        try process.log.wait(for: ["ready"], within: 10, whileRunning: process)
        return process
    }

    /// A profile for the stock client, in one file: with a wrapping key of its own, or with the one that all share.
    func writeProfile(sharedKey: Bool = false) throws -> String {
        let wrap = sharedKey ? ("tls-crypt", "tls-crypt.key") : ("tls-crypt-v2", "client-v2.key")
        let files = [("ca", "ca.pem"), ("cert", "client.pem"), ("key", "client.key"), wrap]
        let inline = try files.map { tag, file in
            "<\(tag)>\n\(try String(contentsOfFile: topology.file(file), encoding: .utf8))</\(tag)>\n"
        }
        let lines = "client\nproto udp\nremote \(Topology.Address.node4) 1194\nnobind\nremote-cert-tls server\n"
        let path = topology.file("probe.ovpn")
        try Data((lines + inline.joined()).utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func makeAuthority() throws {
        try openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
            "/CN=probe authority", "-days", "2", "-keyout", topology.file("ca.key"), "-out", topology.file("ca.pem"))
    }

    private func makeCertificate(_ name: String) throws {
        let extensions = topology.file(name + ".ext")
        try Data(
            "keyUsage=digitalSignature\nextendedKeyUsage=\(name)Auth\nbasicConstraints=CA:FALSE\n".utf8
        ).write(to: URL(fileURLWithPath: extensions))
        try openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=\(name)",
            "-keyout", topology.file(name + ".key"), "-out", topology.file(name + ".csr"))
        try openssl(
            "x509", "-req", "-in", topology.file(name + ".csr"), "-CA", topology.file("ca.pem"), "-CAkey",
            topology.file("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out",
            topology.file(name + ".pem"))
    }

    private func openssl(_ arguments: String...) throws { try Command.check(["openssl"] + arguments) }
    private func openvpn(_ arguments: String...) throws { try Command.check(["openvpn"] + arguments) }
}
