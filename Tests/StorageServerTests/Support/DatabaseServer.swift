import Foundation
import Glibc
import Synchronization

/// A server that the tests start themselves, in a directory and on a port of its own. It ends with the process that
/// runs the tests, whatever becomes of that one.
final class DatabaseServer: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let directory: String
    let port: UInt16
    /// A pipe whose writing end this process has until it ends.
    private let lifeline = Pipe()

    /// Starts a server that a script describes.
    ///
    /// - Parameters:
    ///   - prepare: Shell commands that make the data directory `$DIR/data`.
    ///   - run: The server's command line, which goes on until it is killed; uses `$DIR` and `$PORT`.
    init(name: String, user: String, prepare: String, run: String) throws {
        directory = "/tmp/asnode-\(name)-\(UUID().uuidString.prefix(8))"
        port = try Self.freePort()
        // The server goes when standard input closes, which it does when the tests' process is gone.
        let script = """
            set -e
            mkdir -m 0755 "$DIR"; chown \(user): "$DIR"
            as() { setpriv --reuid \(user) --regid \(user) --clear-groups "$@"; }
            cd "$DIR"
            { \(Self.certificates)
              chown \(user): server.key
              \(prepare)
            } >"$DIR/prepare.log" 2>&1 </dev/null
            setpriv --reuid \(user) --regid \(user) --clear-groups \(run) >"$DIR/server.log" 2>&1 </dev/null &
            server=$!
            cat >/dev/null
            kill -9 $server 2>/dev/null || true
            wait $server 2>/dev/null || true
            # Processes of the server may still be writing for a moment.
            cd /
            for attempt in 1 2 3 4 5; do sleep 0.3; rm -rf "$DIR" 2>/dev/null && break; done
            """
        _ = fcntl(lifeline.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        process.environment = [
            "DIR": directory, "PORT": "\(port)", "LC_ALL": "C",
            "PATH": "\(Self.postgresPrograms()):/usr/sbin:/usr/bin:/sbin:/bin",
        ]
        process.standardInput = lifeline
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    /// What the server and its preparation said, for a failure's message.
    var log: String {
        ["prepare.log", "server.log"].compactMap { name in
            (try? String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)).map { String($0.suffix(1000)) }
        }.joined(separator: "\n")
    }

    /// Tries `connect` until it succeeds, a minute at most.
    func waitUntilReady(_ connect: () throws -> Void) throws {
        var last: any Error = Failure(description: "not tried")
        for _ in 0..<300 {
            do { return try connect() } catch { last = error }
            usleep(200_000)
        }
        throw Failure(description: "the server does not answer: \(last)\n\(log)")
    }

    /// Shell commands that make an authority `ca.pem`, a certificate of it for `localhost` alone, and another authority.
    private static let certificates = """
        new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        for ca in ca other; do
            openssl req -x509 $new -keyout $ca.key -out $ca.pem -subj /CN=$ca -days 2
        done
        openssl req $new -keyout server.key -out server.csr -subj /CN=server
        printf 'subjectAltName=DNS:localhost' >extensions
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions \
            -out server.pem
        chmod 600 server.key
        """

    /// The directory of the newest PostgreSQL server that is installed; Debian keeps it out of PATH.
    private static func postgresPrograms() -> String {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let newest = versions.compactMap { Int($0) }.max() ?? 15
        return "/usr/lib/postgresql/\(newest)/bin"
    }

    private static func freePort() throws -> UInt16 {
        let listener = try SilentListener()
        defer { listener.close() }
        return listener.port
    }
}

/// A port on 127.0.0.1 that takes connections and says nothing.
struct SilentListener {
    let port: UInt16
    private let descriptor: CInt

    init() throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 4) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw DatabaseServer.Failure(description: "no free port") }
        port = UInt16(bigEndian: address.sin_port)
    }

    func close() { _ = Glibc.close(descriptor) }
}
