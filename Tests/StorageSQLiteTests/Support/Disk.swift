import Glibc

/// A small disk in memory. Needs root.
struct Disk {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let path: String

    init(at path: String, bytes: Int) throws {
        self.path = path
        mkdir(path, 0o700)
        try Self.attach(path, 0, "size=\(bytes),mode=0700")
    }

    func resize(bytes: Int) throws { try Self.attach(path, UInt(MS_REMOUNT), "size=\(bytes)") }

    func makeReadOnly() throws { try Self.attach(path, UInt(MS_REMOUNT) | UInt(MS_RDONLY), "") }

    func detach() { umount2(path, CInt(MNT_DETACH)) }

    private static func attach(_ path: String, _ flags: UInt, _ options: String) throws {
        guard mount("tmpfs", path, "tmpfs", flags, options) == 0 else {
            throw Failure(description: "mounting a tmpfs needs root: \(String(cString: strerror(errno)))")
        }
    }
}
