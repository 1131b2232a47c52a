import Foundation
import Glibc
import Synchronization

/// What a worker did, as it tells it itself.
enum Entry: Codable, Sendable {
    /// It is about to try it.
    case begins(String, Operation)
    /// The store said that it is written.
    case acknowledged(String, Result)
    /// The store said that nothing of it is written.
    case refused(String, reason: String)
    /// The store said that it cannot know.
    case unknown(String)
    /// The store showed what it must never show.
    case complains(String)
}

struct Line: Codable, Sendable {
    /// Of the machine's monotonic clock.
    var microseconds: Int64
    var entry: Entry
}

/// The file that a worker's doings are written to. Each line is on the disk before the next thing happens.
final class Journal: Sendable {
    private let descriptor: CInt
    private let writing = Mutex(())

    init(path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("cannot write \(path): \(String(cString: strerror(errno)))") }
    }

    func append(_ entry: Entry) {
        do {
            let bytes = try JSONEncoder().encode(Line(microseconds: MonotonicClock.microseconds, entry: entry))
            let line = Array(bytes) + [UInt8(ascii: "\n")]
            try writing.withLock { _ in
                guard write(descriptor, line, line.count) == line.count, fdatasync(descriptor) == 0 else {
                    throw Failure("the journal cannot be written: \(String(cString: strerror(errno)))")
                }
            }
        } catch {
            // Without its journal a worker proves nothing.
            fatalError("\(error)")
        }
    }

    /// Reads a journal; a last line that its writer did not live to end is left out.
    static func lines(of path: String) throws -> [Line] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let decoder = JSONDecoder()
        var lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
        if let last = data.last, last != UInt8(ascii: "\n") { lines.removeLast() }
        return try lines.map { try decoder.decode(Line.self, from: Data($0)) }
    }
}

/// Time that all processes of the machine count alike.
enum MonotonicClock {
    static var microseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

struct Failure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}
