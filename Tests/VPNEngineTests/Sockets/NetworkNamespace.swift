import CLinuxIO
import VPNEngine

/// An empty network for one test, away from the machine's own.
///
/// Needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN, and fails without: a machine that cannot run these tests cannot run a
/// node.
enum NetworkNamespace {
    struct Refused: Error, CustomStringConvertible {
        let number: CInt
        var description: String {
            "no network namespace to be had (error \(number)): these tests need root and a kernel with namespaces"
        }
    }

    /// Runs `body` with the calling thread in a new network namespace whose loopback interface is up.
    ///
    /// The body must not suspend: a task may go on on another thread. Programs that it starts are in the namespace too.
    static func run(_ body: () throws -> Void) throws {
        let before = clinuxio_new_network()
        guard before >= 0 else { throw Refused(number: -before) }
        defer {
            let result = clinuxio_enter_network(before)
            precondition(result == 0, "the thread is stuck in a test's network")
        }
        try Netlink().setLink(1, up: true)
        try body()
    }
}
