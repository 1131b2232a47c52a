public import ClusterCore
internal import Synchronization

extension SQLBackend {
    /// A backend with one connection and thread of its own; see ``ClusterCore/StorageBackend/lane(_:limits:)``.
    public func lane(_ name: String, limits: LaneLimits) async throws -> any StorageBackend {
        let lane = SQLBackend(lane: name, limits: limits, options: options, open: open)
        guard lanes.add(lane) else {
            await lane.close()
            throw StorageError.closed
        }
        return lane
    }

    /// Looks at the revision again and again; see ``ClusterCore/StorageBackend/watch(every:)``.
    public func watch(every interval: Duration) -> StoreWatch {
        let environment = options.environment
        return StoreWatch(every: interval, uptime: environment.uptime) {
            try await self.lane("watch", limits: .watch)
        } wait: { lane, time in
            try await Self.wait(for: time, environment, on: lane as? SQLBackend)
        }
    }

    /// Waits for so long, or until the database says that something was changed.
    private static func wait(
        for time: Duration, _ environment: StorageEnvironment, on lane: SQLBackend?
    ) async throws {
        let end = environment.uptime() + time
        while let lane, environment.uptime() < end {
            let part = Swift.min(end - environment.uptime(), .milliseconds(250))
            let answer = try? await lane.withConnection(.read) { try $0.waitForNotification(upTo: part) }
            try Task.checkCancellation()
            // Whoever cannot tell is asked no more; nor is one whose connection is gone.
            guard let isChanged = answer ?? nil else { break }
            if isChanged { return }
        }
        let left = end - environment.uptime()
        if left > .zero { try await environment.sleep(left) }
    }
}

/// The lanes of a backend that were not closed yet.
final class OpenLanes: Sendable {
    private struct State {
        var lanes: [SQLBackend] = []
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Whether the backend was closed.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// - Returns: Whether it was added; `false` when the backend was closed.
    func add(_ lane: SQLBackend) -> Bool {
        state.withLock { state in
            if state.isClosed { return false }
            state.lanes.removeAll { $0.lanes.isClosed }
            state.lanes.append(lane)
            return true
        }
    }

    /// Closes every lane, and takes no further one.
    func close() async {
        let open = state.withLock { state in
            state.isClosed = true
            defer { state.lanes = [] }
            return state.lanes
        }
        for lane in open { await lane.close() }
    }
}
