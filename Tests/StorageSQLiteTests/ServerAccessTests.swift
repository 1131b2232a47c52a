import ClusterCore
import Foundation
import Glibc
import StorageSQL
import Synchronization
import Testing

@Suite("Getting into database servers")
struct ServerAccessTests {
    private func scratch(_ content: String, executable: Bool = false) throws -> String {
        let path = NSTemporaryDirectory() + "asnode-secret-\(UUID().uuidString)"
        try content.write(toFile: path, atomically: true, encoding: .utf8)
        if executable { chmod(path, 0o700) }
        return path
    }

    private func failure(_ body: () throws -> Void) -> StorageError? {
        do { try body() } catch { return error as? StorageError }
        return nil
    }

    @Test("a password is the first line of a file or of what a program prints, as it is now")
    func sources() throws {
        let file = try scratch("one\nrest")
        defer { unlink(file) }
        let source = try PasswordSource(password: nil, file: file, command: nil)
        #expect(try source.current() == "one")
        try "zwei ü\r\n".write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try source.current() == "zwei ü")
        #expect(try PasswordSource(password: nil, file: nil, command: "/bin/echo  a b").current() == "a b")
        #expect(try PasswordSource(password: "x", file: nil, command: nil).current() == "x")
        #expect(try PasswordSource(password: nil, file: nil, command: nil).current() == nil)
    }

    @Test("a program gets no shell, no input and no descriptors of this process, and its complaints are not shown")
    func program() throws {
        let script = try scratch(
            """
            #!/bin/sh
            echo s3cret >&2
            [ "$1" = '$HOME;x' ] && [ -z "$(cat)" ] || exit 1
            if ls -l /proc/$$/fd | grep -q "$2"; then echo leaked; else echo clean; fi
            """, executable: true)
        let marker = try scratch("")
        defer { for path in [script, marker] { unlink(path) } }
        let inherited = open(marker, O_RDONLY)
        defer { close(inherited) }
        let words = "\(script) $HOME;x \(marker)"
        #expect(try PasswordSource(password: nil, file: nil, command: words).current() == "clean")
        let refused = failure { _ = try PasswordSource(password: nil, file: nil, command: "\(script) y").current() }
        #expect(refused?.code == .permission)
        #expect(refused.map { "\($0)" }?.contains("s3cret") == false)
    }

    @Test(
        "what gives no password is refused",
        arguments: [
            PasswordSource.file("/no/such/file"), .file("/dev/null"), .file("/dev/zero"), .file("/"), .file("/bin/sh"),
            .command(["/no/such/program"]), .command(["/bin/false"]), .command(["/bin/true"]),
            .command(["/etc/passwd"]),
            .command(["/bin/cat", "/dev/zero"]), .command(["/bin/sh", "-c", "echo s3cret; exit 1"]),
            .command(["/bin/sh", "-c", "echo s3cret; kill -9 $$"]),
        ])
    func refused(_ source: PasswordSource) {
        let error = failure { _ = try source.current() }
        #expect(error?.code == .permission)
        #expect(error.map { "\($0)" }?.contains("s3cret") == false)
    }

    @Test("a program that takes too long is killed with all that it started, though it closed its output")
    func endless() throws {
        for script in ["sleep 31536 & sleep 31536", "exec sleep 31536 >/dev/null", "trap '' TERM; sleep 31536"] {
            let start = ContinuousClock.now
            let error = failure {
                _ = try PasswordSource.command(["/bin/sh", "-c", script]).current(limit: .milliseconds(300))
            }
            #expect(error?.code == .timeout)
            #expect(ContinuousClock.now - start < .seconds(3))
        }
        usleep(200_000)
        let left = try PasswordSource.command(["/bin/sh", "-c", "pgrep -xf 'sleep 31536' | wc -l"]).current()
        #expect(left == "0")
    }

    @Test("a source shows neither a password nor arguments, and is one alone")
    func shown() throws {
        for source in [PasswordSource.value("s3cret"), .command(["/bin/echo", "s3cret"])] {
            var dumped = ""
            dump(source, to: &dumped)
            #expect(!"\(source)\(String(reflecting: source))\(dumped)".contains("s3cret"))
        }
        for parts in [
            ("s3cret", "/f", nil), ("s3cret", nil, "/f"), (nil, "/f", "/f"), (nil, nil, "s3cret"), (nil, "", nil),
        ]
            as [(String?, String?, String?)]
        {
            let error = failure { _ = try PasswordSource(password: parts.0, file: parts.1, command: parts.2) }
            #expect(error?.code == .invalid)
            #expect(error.map { "\($0)" }?.contains("s3cret") == false)
        }
    }

    @Test("a name that is not resolved in time is given up, and is not looked up a second time meanwhile")
    func resolver() throws {
        let gate = DispatchSemaphore(value: 0)
        let lookUps = Mutex(0)
        let resolver = NameResolver { name in
            lookUps.withLock { $0 += 1 }
            gate.wait()
            return name == "good" ? ["192.0.2.1"] : []
        }
        for _ in 0..<3 {
            let start = ContinuousClock.now
            let error = failure { _ = try resolver.addresses(of: "good", within: .milliseconds(50)) }
            #expect(error?.code == .timeout)
            #expect(ContinuousClock.now - start < .seconds(2))
        }
        #expect(lookUps.withLock { $0 } == 1)
        gate.signal()
        gate.signal()
        #expect(try resolver.addresses(of: "good", within: .seconds(5)) == ["192.0.2.1"])
        gate.signal()
        #expect(failure { _ = try resolver.addresses(of: "bad", within: .seconds(5)) }?.code == .unavailable)
        for address in ["192.0.2.7", "::1", "fe80::1%eth0"] {
            #expect(try resolver.addresses(of: address, within: .zero) == [address])
        }
        #expect(try NameResolver().addresses(of: "localhost", within: .seconds(5)).contains("127.0.0.1"))
    }

    @Test("a server that did not answer is tried last for half a minute, and first again when it answered")
    func avoidance() throws {
        struct Down: Error {}
        let now = Mutex(Duration.zero)
        var environment = StorageEnvironment.system
        environment.uptime = { now.withLock { $0 } }
        let hosts = ServerHosts(["a", "b", "c"], isRandom: false, environment: environment)
        #expect(try hosts.connect { if $0 == "a" { throw Down() } else { $0 } } == "b")
        #expect(hosts.order() == ["b", "c", "a"])
        hosts.avoid("b")
        #expect(hosts.order() == ["c", "a", "b"])
        now.withLock { $0 = .seconds(31) }
        #expect(hosts.order() == ["a", "b", "c"])
        let refusal = StorageError(.permission, "no")
        #expect(failure { _ = try hosts.connect { _ -> Int in throw refusal } }?.code == .permission)
        #expect(hosts.order() == ["a", "b", "c"], "a server that refuses is there")
        #expect(throws: Down.self) { try hosts.connect { _ -> Int in throw Down() } }
        #expect(try hosts.connect { $0 } == "a")
        #expect(hosts.order() == ["a", "b", "c"])
    }

    @Test("servers in random order all come first sometimes")
    func random() {
        let hosts = ServerHosts([1, 2, 3], isRandom: true, environment: .system)
        #expect(Set((0..<200).compactMap { _ in hosts.order().first }) == [1, 2, 3])
    }
}
