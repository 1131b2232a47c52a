internal import ClusterCore
internal import Dispatch

/// Runs a call of a library that blocks for as long as it likes, on a thread of its own, and waits for it no longer than a
/// bound. A call that takes longer goes on by itself.
///
/// - Returns: Whether it ended in time.
package func onThread(_ name: String, within limit: Duration, _ body: @escaping @Sendable () -> Void) -> Bool {
    let call = DispatchGroup()
    call.enter()
    startThread(name) {
        body()
        call.leave()
    }
    return call.wait(timeout: .now() + .microseconds(Int(limit.wholeMicroseconds))) == .success
}
