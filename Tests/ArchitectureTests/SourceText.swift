import Foundation

/// One file of the repository, read for its text alone.
struct SourceText {
    /// Path from the root of the repository.
    let path: String
    let text: String

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
            line.firstMatch(of: form).map { (index + 1, String($0.1)) }
        }
    }

    /// The text with comments and string literals replaced by blanks; line breaks stay where they are.
    var code: String {
        var scanner = CodeScanner(text)
        return scanner.blanked()
    }
}

/// Walks Swift text once and blanks what is not code.
///
/// It knows line comments, nested block comments, plain, raw and multi-line strings. Code inside an interpolation counts
/// as string: the rules here lose nothing that matters by it.
private struct CodeScanner {
    private let input: [Character]
    private var position = 0
    private var output: [Character] = []

    init(_ text: String) {
        input = Array(text)
        output.reserveCapacity(input.count)
    }

    mutating func blanked() -> String {
        while position < input.count {
            if starts(with: "//") {
                blank(until: { $0.starts(with: "\n") })
            } else if starts(with: "/*") {
                blankBlockComment()
            } else if let pounds = stringOpening() {
                blankString(pounds: pounds)
            } else {
                output.append(input[position])
                position += 1
            }
        }
        return String(output)
    }

    private func starts(with word: String) -> Bool {
        input[position...].starts(with: word)
    }

    private mutating func blankOne() {
        output.append(input[position] == "\n" ? "\n" : " ")
        position += 1
    }

    private mutating func blank(_ count: Int) {
        for _ in 0..<count where position < input.count { blankOne() }
    }

    private mutating func blank(until end: (Self) -> Bool) {
        while position < input.count, !end(self) { blankOne() }
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
        let pounds = input[position...].prefix { $0 == "#" }.count
        let next = position + pounds
        return next < input.count && input[next] == "\"" ? pounds : nil
    }

    private mutating func blankString(pounds: Int) {
        let fence = String(repeating: "#", count: pounds)
        blank(pounds)
        let quotes = starts(with: "\"\"\"") ? "\"\"\"" : "\""
        blank(quotes.count)
        while position < input.count {
            if starts(with: "\\" + fence) {
                blank(2 + pounds)
            } else if starts(with: quotes + fence) {
                blank(quotes.count + pounds)
                return
            } else {
                blankOne()
            }
        }
    }
}
