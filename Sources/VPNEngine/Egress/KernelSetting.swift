internal import Glibc

/// One value below `/proc/sys`. Those of the network belong to the network namespace of the calling thread.
struct KernelSetting {
    private let path: String

    init(_ path: String) {
        self.path = path
    }

    /// The value without the line's end, at most 255 bytes.
    ///
    /// - Throws: ``NetworkError`` `.notFound` where the kernel has no such setting.
    func read() throws(NetworkError) -> String {
        let file = try opened(O_RDONLY)
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = buffer.count - 1
        let length = unsafe Glibc.read(file.number, &buffer, count)
        guard length >= 0 else { throw .system("cannot read \(path)", errno) }
        let text = buffer.prefix(length).prefix { $0 != UInt8(ascii: "\n") }
        return String(decoding: text, as: UTF8.self)
    }

    /// Sets the value.
    ///
    /// - Throws: ``NetworkError``: `.notFound`, `.permission`.
    func write(_ value: String) throws(NetworkError) {
        let file = try opened(O_WRONLY)
        let bytes = Array(value.utf8)
        let written = unsafe Glibc.write(file.number, bytes, bytes.count)
        guard written == bytes.count else { throw failure("set", written < 0 ? errno : EIO) }
    }

    private func opened(_ flags: CInt) throws(NetworkError) -> FileDescriptor {
        let number = unsafe open(path, flags | O_CLOEXEC)
        guard number >= 0 else { throw failure(flags == O_RDONLY ? "read" : "set", errno) }
        return FileDescriptor(owning: number)
    }

    private func failure(_ verb: String, _ number: CInt) -> NetworkError {
        let advice: String? =
            switch number {
            case EACCES, EPERM, EROFS:
                "needs root and a writable /proc/sys; in a container set it on the host or with --sysctl"
            case ENOENT: "this kernel has no such setting"
            default: nil
            }
        return .system("cannot \(verb) \(path)", number, advice: advice)
    }
}
