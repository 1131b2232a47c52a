import CLinuxIO

/// Runs programs in the network namespace of the calling thread.
///
/// Not by Foundation: that starts threads of its own, which would stay in a test's namespace for ever.
enum TestProgram {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs a shell command and returns what it printed, at most 64 KiB.
    @discardableResult
    static func run(_ command: String) throws -> String {
        var output = [CChar](repeating: 0, count: 65_536)
        let capacity = output.count
        let status = "/bin/sh".withCString { shell in
            "-c".withCString { option in
                "{ \(command); } 1>&2".withCString { text in
                    let arguments: [UnsafePointer<CChar>?] = [shell, option, text, nil]
                    return clinuxio_run(shell, arguments, "", 0, &output, capacity)
                }
            }
        }
        let text = String(decoding: output.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard status == 0 else { throw Failure(description: "\(command): status \(status): \(text)") }
        return text
    }
}
