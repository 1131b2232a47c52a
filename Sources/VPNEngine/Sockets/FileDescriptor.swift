internal import Glibc

/// A descriptor of this process that is closed with its owner.
struct FileDescriptor: ~Copyable {
    let number: CInt

    /// Takes over an open descriptor.
    init(owning number: CInt) {
        self.number = number
    }

    deinit {
        close(number)
    }
}
