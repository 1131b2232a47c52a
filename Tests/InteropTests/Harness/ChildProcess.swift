import Foundation
import Glibc

/// A failure of the scaffolding around a test, or a wait that met its deadline.
struct HarnessError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// How a program ended.
enum ExitStatus: Equatable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)

    /// Reads what `waitpid` returned.
    init(waitStatus: Int32) {
        let signal = waitStatus & 0x7F
        self = signal == 0 ? .code((waitStatus >> 8) & 0xFF) : .signal(signal)
    }

    var description: String {
        switch self {
        case .code(let code): "exit code \(code)"
        case .signal(let signal): "signal \(signal)"
        }
    }
}

/// A running program whose output goes to one file.
///
/// Uses `posix_spawn` and `waitpid` directly: tests kill programs with SIGKILL and need the status exactly as the kernel
/// gives it. Not `Sendable`: one test owns it.
final class ChildProcess {
    let pid: pid_t
    let log: LogFile
    private var status: ExitStatus?

    /// Starts `arguments[0]`, found through `PATH`.
    /// - Parameters:
    ///   - log: Receives standard output and standard error.
    ///   - input: What standard input reads; then it is at its end.
    init(_ arguments: [String], log: LogFile, input: String = "", environment: [String: String] = [:]) throws {
        let inputFile = log.path + ".in"
        try Data(input.utf8).write(to: URL(fileURLWithPath: inputFile))
        defer { unlink(inputFile) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, inputFile, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log.path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var argv = arguments.map { strdup($0) } + [nil]
        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var envp = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var child: pid_t = 0
        let code = posix_spawnp(&child, arguments[0], &actions, &attributes, &argv, &envp)
        guard code == 0 else { throw HarnessError("cannot start \(arguments[0]): \(String(cString: strerror(code)))") }
        pid = child
        self.log = log
    }

    deinit {
        if exitStatus == nil { stop(SIGKILL) }
    }

    /// Nil while the program runs.
    var exitStatus: ExitStatus? {
        if let status { return status }
        var raw: Int32 = 0
        if waitpid(pid, &raw, WNOHANG) == pid { status = ExitStatus(waitStatus: raw) }
        return status
    }

    var isRunning: Bool { exitStatus == nil }

    func signal(_ number: Int32) {
        if isRunning { kill(pid, number) }
    }

    /// Waits for the end; nil when `seconds` pass before.
    @discardableResult
    func waitForExit(within seconds: Double) -> ExitStatus? {
        _ = poll(within: seconds) { self.exitStatus != nil ? true : nil }
        return exitStatus
    }

    /// Sends `number`, waits, and after ten seconds kills.
    @discardableResult
    func stop(_ number: Int32 = SIGTERM) -> ExitStatus? {
        signal(number)
        if let status = waitForExit(within: 10) { return status }
        signal(SIGKILL)
        return waitForExit(within: 10)
    }
}

/// Asks `condition` every 10 ms until it answers, at most for `seconds`.
func poll<Answer>(
    within seconds: Double, every interval: Double = 0.01, _ condition: () throws -> Answer?
) rethrows
    -> Answer?
{
    let deadline = monotonicSeconds() + seconds
    while true {
        if let answer = try condition() { return answer }
        guard monotonicSeconds() < deadline else { return nil }
        usleep(useconds_t(interval * 1_000_000))
    }
}

/// Seconds on a clock that never jumps.
func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
