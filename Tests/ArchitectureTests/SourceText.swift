import Foundation

/// One file of the repository, read for its text alone.
struct SourceText {
    /// Path from the root of the repository.
    let path: String
    let text: String
    /// The text with comments and string literals replaced by blanks; line breaks stay where they are.
    let code: String

    init(path: String, text: String) {
        self.path = path
        self.text = text
        var scanner = CodeScanner(text)
        code = path.hasSuffix(".swift") ? scanner.blanked() : text
    }

    /// The lines with the contents of comments and string literals blanked, so that rules see code alone.
    var codeLines: [Substring] { code.split(separator: "\n", omittingEmptySubsequences: false) }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// `Sources/NAME/…` → `NAME`.
    var target: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }

    /// Modules named by import declarations of any form.
    var imports: [(line: Int, module: String)] {
        let form =
            #/
            ^\s* (?:@\w+(?:\([^)]*\))?\s+)*
            (?:(?:public|package|internal|fileprivate|private)\s+)? import \s+
            (?:(?:struct|class|enum|protocol|func|var|let|typealias|actor)\s+)? (\w+)
            /#
        return codeLines.enumerated().compactMap { index, line in
            guard line.contains("import") else { return nil }
            return line.firstMatch(of: form).map { (index + 1, String($0.1)) }
        }
    }
}

/// Walks Swift text once, as UTF-8, and blanks what is not code.
///
/// It knows line comments, nested block comments, plain, raw and multi-line strings. Code inside an interpolation counts
/// as string: the rules here lose nothing that matters by it.
private struct CodeScanner {
    private let input: [UInt8]
    private var position = 0
    private var output: [UInt8] = []
    private let lineEnd = UInt8(ascii: "\n")
    private let space = UInt8(ascii: " ")

    init(_ text: String) {
        input = Array(text.utf8)
        output.reserveCapacity(input.count)
    }

    mutating func blanked() -> String {
        while position < input.count {
            let byte = input[position]
            if byte == UInt8(ascii: "/"), starts(with: "//") {
                while position < input.count, input[position] != lineEnd { blankOne() }
            } else if byte == UInt8(ascii: "/"), starts(with: "/*") {
                blankBlockComment()
            } else if byte == UInt8(ascii: "#") || byte == UInt8(ascii: "\""), let pounds = stringOpening() {
                blankString(pounds: pounds)
            } else {
                output.append(byte)
                position += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private func starts(with word: StaticString) -> Bool {
        position + word.utf8CodeUnitCount <= input.count
            && (0..<word.utf8CodeUnitCount).allSatisfy { input[position + $0] == word.utf8Start[$0] }
    }

    private func starts(with word: [UInt8]) -> Bool {
        input[position...].starts(with: word)
    }

    private mutating func blankOne() {
        output.append(input[position] == lineEnd ? lineEnd : space)
        position += 1
    }

    private mutating func blank(_ count: Int) {
        for _ in 0..<count where position < input.count { blankOne() }
    }

    private mutating func blankBlockComment() {
        var depth = 0
        repeat {
            if starts(with: "/*") {
                depth += 1
                blank(2)
            } else if starts(with: "*/") {
                depth -= 1
                blank(2)
            } else {
                blankOne()
            }
        } while depth > 0 && position < input.count
    }

    /// The number of `#` before a quotation mark that begins here; nil where no string begins.
    private func stringOpening() -> Int? {
        let pounds = input[position...].prefix { $0 == UInt8(ascii: "#") }.count
        let next = position + pounds
        return next < input.count && input[next] == UInt8(ascii: "\"") ? pounds : nil
    }

    private mutating func blankString(pounds: Int) {
        blank(pounds)
        let fence = Array(repeating: UInt8(ascii: "#"), count: pounds)
        let quotes = Array(repeating: UInt8(ascii: "\""), count: starts(with: "\"\"\"") ? 3 : 1)
        blank(quotes.count)
        let (escape, end) = ([UInt8(ascii: "\\")] + fence, quotes + fence)
        while position < input.count {
            if starts(with: escape) {
                blank(escape.count + 1)
            } else if starts(with: end) {
                blank(end.count)
                return
            } else {
                blankOne()
            }
        }
    }
}
