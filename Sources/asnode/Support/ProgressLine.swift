internal import ClusterOperations
internal import Glibc
internal import Synchronization

/// One line on standard error that tells how far a long command has come; nothing where that is no terminal.
final class ProgressLine: Sendable {
    private let isShown = isatty(STDERR_FILENO) == 1
    /// When the line was last written, in seconds, and how long it was.
    private let last = Mutex((time: 0.0, width: 0))

    /// Shows a progress, at most ten times a second.
    var report: MoveProgress.Report {
        { progress in self.show(progress) }
    }

    /// Wipes the line, so that what is printed next stands alone.
    func end() {
        last.withLock { last in
            guard last.width > 0 else { return }
            StandardError.write("\r" + String(repeating: " ", count: last.width) + "\r")
            last = (0, 0)
        }
    }

    private func show(_ progress: MoveProgress) {
        guard isShown else { return }
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let time = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
        last.withLock { last in
            guard time - last.time >= 0.1 || progress.rows == progress.total else { return }
            let total = progress.total.map { " of \($0)" } ?? ""
            let line = OneLine.of("\(progress.stage.rawValue) \(progress.table): \(progress.rows)\(total) rows")
            let padding = String(repeating: " ", count: max(0, last.width - line.count))
            StandardError.write("\r\(line)\(padding)")
            last = (time, line.count)
        }
    }
}
