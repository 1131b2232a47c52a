internal import CLinuxIO
internal import COpenSSL
internal import Glibc

/// Key bytes in memory of their own that is overwritten before it is given back.
///
/// An array may be copied and leaves its old storage behind as it was; this buffer has one owner and one place.
/// Unsynchronised: it belongs to whoever holds it.
@safe
public struct SecretBytes: ~Copyable {
    private let storage: UnsafeMutableRawBufferPointer

    /// Number of bytes.
    public var count: Int { unsafe storage.count }

    /// Copies `bytes` into memory of its own. The caller's array is not wiped.
    public init(_ bytes: [UInt8]) {
        unsafe storage = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        unsafe storage.copyBytes(from: bytes)
    }

    /// A buffer of `count` zero bytes, filled by `body`.
    public init(count: Int, filledBy body: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        unsafe storage = UnsafeMutableRawBufferPointer.allocate(byteCount: max(0, count), alignment: 16)
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0)
        try unsafe body(storage)
    }

    deinit {
        if let base = unsafe storage.baseAddress { unsafe OPENSSL_cleanse(base, storage.count) }
        unsafe storage.deallocate()
    }

    /// Gives the bytes to `body`. The pointer is valid only inside it.
    public borrowing func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try unsafe body(UnsafeRawBufferPointer(storage))
    }
}

/// Overwrites an array that held a secret and empties it.
///
/// Works in place only where `bytes` is the array's sole owner; a copy that someone else holds stays as it is.
public func wipe(_ bytes: inout [UInt8]) {
    unsafe bytes.withUnsafeMutableBytes { buffer in
        if let base = buffer.baseAddress { unsafe OPENSSL_cleanse(base, buffer.count) }
    }
    bytes = []
}

/// Keeps the memory of this process out of core dumps and away from other processes of the same user.
///
/// Sets the core size limit to zero and `PR_SET_DUMPABLE` to 0. Both hold for the whole process. As a consequence
/// `/proc/<pid>` belongs to root and debuggers without privileges cannot attach.
///
/// - Returns: False when the kernel refused one of the two; the process goes on unprotected, and the caller should say
///   so.
@discardableResult
public func disableCoreDumps() -> Bool {
    var limit = rlimit(rlim_cur: 0, rlim_max: 0)
    let limited = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0
    let hidden = clinuxio_set_dumpable(0) == 0
    return limited && hidden
}
