internal import CLinuxIO

/// Waits for descriptors to become readable or writable (epoll, level-triggered).
///
/// Not sendable: owned by one shard and used from its thread alone.
package final class Poller {
    /// What became possible.
    package struct Event {
        /// The token that the descriptor was added with.
        package let token: UInt64
        /// There is something to read.
        package let isReadable: Bool
        /// There is room to write.
        package let isWritable: Bool
        /// The descriptor reports an error or a hang-up; reading tells which.
        package let isFailed: Bool
    }

    /// Which readiness is wanted.
    package struct Interest: OptionSet {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let read = Interest(rawValue: 1)
        package static let write = Interest(rawValue: 2)
    }

    private let descriptor: FileDescriptor
    private var events: [clinuxio_event]

    /// - Parameter capacity: Most events of one wait, 1 to 64.
    package init(capacity: Int = 16) throws(NetworkError) {
        let number = clinuxio_epoll_create()
        guard number >= 0 else { throw .system("cannot wait for sockets", -number) }
        descriptor = FileDescriptor(owning: number)
        events = Array(repeating: clinuxio_event(), count: min(64, max(1, capacity)))
    }

    /// Watches a descriptor.
    package func add(_ fileDescriptor: CInt, _ interest: Interest = .read, token: UInt64) throws(NetworkError) {
        try control(fileDescriptor, 0, interest, token)
    }

    /// Watches a descriptor for something else.
    package func modify(_ fileDescriptor: CInt, _ interest: Interest, token: UInt64) throws(NetworkError) {
        try control(fileDescriptor, 1, interest, token)
    }

    /// Stops watching a descriptor. One that is closed is forgotten by itself.
    package func remove(_ fileDescriptor: CInt) throws(NetworkError) {
        try control(fileDescriptor, 2, [], 0)
    }

    private func control(
        _ fileDescriptor: CInt, _ change: CInt, _ interest: Interest, _ token: UInt64
    ) throws(NetworkError) {
        let result = clinuxio_epoll_control(
            descriptor.number, fileDescriptor, change, interest.contains(.read) ? 1 : 0,
            interest.contains(.write) ? 1 : 0, token)
        guard result >= 0 else { throw .system("cannot wait for a descriptor", -result) }
    }

    /// Waits for events and gives each to `body`.
    ///
    /// - Parameters:
    ///   - timeoutNanoseconds: Longest wait; 0 looks and returns, nil waits for ever.
    ///   - body: Called for each event. It may add and remove descriptors.
    /// - Returns: The number of events; 0 after the timeout or a signal.
    @discardableResult
    package func wait(timeoutNanoseconds: UInt64?, _ body: (Event) -> Void) throws(NetworkError) -> Int {
        let timeout = timeoutNanoseconds.map { Int64(clamping: $0) } ?? -1
        let capacity = CInt(events.count)
        let found = unsafe events.withUnsafeMutableBufferPointer {
            unsafe clinuxio_epoll_wait(descriptor.number, $0.baseAddress, capacity, timeout)
        }
        guard found >= 0 else { throw .system("cannot wait for sockets", -found) }
        for event in events.prefix(Int(found)) {
            body(
                Event(
                    token: event.token, isReadable: event.readable != 0, isWritable: event.writable != 0,
                    isFailed: event.failed != 0))
        }
        return Int(found)
    }
}

/// Makes a waiting ``Poller`` return, from any thread.
package final class WakeUp: Sendable {
    private let descriptor: FileDescriptor

    /// Descriptor to wait on for readability.
    package var fileDescriptor: CInt { descriptor.number }

    package init() throws(NetworkError) {
        let number = clinuxio_wake_create()
        guard number >= 0 else { throw .system("cannot make a wake-up descriptor", -number) }
        descriptor = FileDescriptor(owning: number)
    }

    /// Makes the descriptor readable until ``clear()``. Any thread; cheap when repeated.
    package func signal() {
        _ = clinuxio_wake_signal(descriptor.number)
    }

    /// Makes the descriptor unreadable again. To be called before looking at what the signal was for.
    package func clear() {
        _ = clinuxio_wake_clear(descriptor.number)
    }
}
