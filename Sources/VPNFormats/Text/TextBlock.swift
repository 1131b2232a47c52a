/// The lines between `-----BEGIN label-----` and `-----END label-----`, whatever stands around them.
///
/// Lines may end in LF or CR LF, may be of any width, and blanks at their ends do not count.
enum TextBlock {
    /// Larger texts are refused: no key file comes near this size.
    static let maximumTextBytes = 262_144

    /// The content of the first block with this label, without line breaks and blanks.
    static func content(label: String, in text: String) throws(FormatError) -> [UInt8] {
        let bytes = text.utf8
        guard bytes.count <= maximumTextBytes else {
            throw FormatError(.tooLong, "the text is larger than any file with a \"\(label)\" block")
        }
        let begin = Array("-----BEGIN \(label)-----".utf8)
        let end = Array("-----END \(label)-----".utf8)
        var content: [UInt8]?
        for raw in bytes.split(whereSeparator: { $0 == 10 || $0 == 13 }) {
            let line = trimmed(raw)
            if line.elementsEqual(begin) {
                content = []
            } else if line.elementsEqual(end), let content {
                return content
            } else {
                content?.append(contentsOf: line)
            }
        }
        let what = content == nil ? "has no line -----BEGIN \(label)-----" : "has no line -----END \(label)-----"
        throw FormatError(.malformed, "the text \(what); paste the whole file, first and last line included")
    }

    /// Writes lines of at most `width` characters between the two marker lines, each ended by LF.
    static func text(label: String, content: String, width: Int) -> String {
        var lines = "-----BEGIN \(label)-----\n"
        var rest = Substring(content)
        while !rest.isEmpty {
            lines += rest.prefix(width)
            lines += "\n"
            rest = rest.dropFirst(width)
        }
        return lines + "-----END \(label)-----\n"
    }

    private static func trimmed(_ line: Substring.UTF8View) -> Substring.UTF8View {
        var line = line
        while let first = line.first, first == 32 || first == 9 { line = line.dropFirst() }
        while let last = line.last, last == 32 || last == 9 { line = line.dropLast() }
        return line
    }
}
