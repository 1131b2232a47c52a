import Foundation
import Glibc
import Synchronization

/// The processes of a server: one that was started, and those that it started itself. They end with this process.
package final class ServerProcess: Sendable {
    private struct Run {
        var lifeline: Lifeline
        var identifier: pid_t
    }

    private let run = Mutex<Run?>(nil)
    private let user: String
    private let log: String

    /// - Parameters:
    ///   - user: As whom it runs.
    ///   - log: The file that what it says is added to.
    init(user: String, log: String) {
        self.user = user
        self.log = log
    }

    /// Whether it runs.
    package var isRunning: Bool { run.withLock { $0?.lifeline.isRunning ?? false } }

    /// What was said last, for a failure's message.
    var lastWords: String { String(((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").suffix(2000)) }

    /// Starts it; does not wait until it answers.
    func start(_ arguments: [String]) throws {
        guard !isRunning else { throw ServerFailure("the server runs already") }
        let lifeline = try Lifeline(Self.script, [user, log] + arguments)
        guard let identifier = pid_t(lifeline.line()) else { throw ServerFailure("the server was not started") }
        run.withLock { $0 = Run(lifeline: lifeline, identifier: identifier) }
    }

    /// Kills all its processes at once, as a power cut does.
    package func kill() {
        run.withLock { run in
            defer { run = nil }
            return run
        }?.lifeline.cut()
    }

    /// Asks it to end, and kills it if it has not after a minute.
    func stop(_ request: CInt) {
        resume()
        signal(request)
        for _ in 0..<600 where isRunning { usleep(100_000) }
        kill()
    }

    /// Stops all its processes where they are, until ``resume()``.
    package func pause() { signalTree(SIGSTOP) }

    /// Lets it go on.
    package func resume() { signalTree(SIGCONT) }

    private func signal(_ number: CInt) {
        if let identifier = run.withLock({ $0?.identifier }), isRunning { _ = Glibc.kill(identifier, number) }
    }

    private func signalTree(_ number: CInt) {
        guard let identifier = run.withLock({ $0?.identifier }), isRunning else { return }
        // The first one first: it starts no others then.
        _ = Glibc.kill(identifier, number)
        for child in Self.descendants(of: identifier) { _ = Glibc.kill(child, number) }
    }

    private static func descendants(of identifier: pid_t) -> [pid_t] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { pid_t($0) } ?? []
        let parents = all.map { (process: $0, parent: parent(of: $0)) }
        var found: [pid_t] = []
        var open = [identifier]
        while let next = open.popLast() {
            let children = parents.filter { $0.parent == next }.map(\.process)
            found += children
            open += children
        }
        return found
    }

    private static func parent(of process: pid_t) -> pid_t? {
        // "12 (name with any characters) S 1 …"
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 1 ? pid_t(fields[1]) : nil
    }

    /// Ends when the server does, and kills the server when standard input ends.
    private static let script = """
        user=$1 log=$2; shift 2
        setpriv --reuid "$user" --regid "$user" --clear-groups "$@" >>"$log" 2>&1 </dev/null &
        server=$!
        echo $server
        cat <&0 >/dev/null 2>&1 &
        keeper=$!
        wait -n
        tree() { echo $1; for child in $(ps -o pid= --ppid $1); do tree $child; done; }
        kill -STOP $server 2>/dev/null
        kill -9 $(tree $server) $keeper 2>/dev/null
        wait
        """
}
