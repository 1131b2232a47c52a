import Foundation

/// A file that a program writes and a test reads while it grows.
struct LogFile {
    let path: String

    var text: String {
        guard let data = FileManager.default.contents(atPath: path) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    /// How much there is now: a place to wait from, so that earlier lines do not count.
    var end: Int { FileManager.default.contents(atPath: path)?.count ?? 0 }

    func text(from start: Int) -> String {
        let data = FileManager.default.contents(atPath: path) ?? Data()
        return String(decoding: data.dropFirst(start), as: UTF8.self)
    }

    /// How many lines contain `word`.
    func count(of word: String) -> Int {
        text.split(separator: "\n").count { $0.contains(word) }
    }

    /// Waits until one of `words` stands in the file behind `start`.
    /// - Returns: The word that came first in the order given.
    /// - Throws: `HarnessError` with the end of the log when `seconds` pass, or when `process` ends before.
    @discardableResult
    func wait(
        for words: [String], from start: Int = 0, within seconds: Double, whileRunning process: ChildProcess? = nil
    ) throws -> String {
        var ended = false
        let found: String?? = poll(within: seconds) {
            let lastLook = process?.isRunning == false
            let text = text(from: start)
            if let word = words.first(where: text.contains) { return .some(word) }
            guard lastLook else { return nil }
            ended = true
            return .some(nil)
        }
        if case .some(.some(let word)) = found { return word }
        let why = ended ? "the program ended (\(process?.exitStatus?.description ?? "?"))" : "\(seconds) s passed"
        throw HarnessError("\(why) without \(words) in \(path); its end:\n\(tail(60))")
    }

    func tail(_ lines: Int) -> String {
        text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }
}
