internal import ClusterCore
internal import VPNFormats

/// Which copy or restore a store is part of: kept as the place of a `StoreState`, and in the audit entry with which
/// the new history begins, so that a run that was interrupted finds what it left. The number alone decides: places are
/// for people, and one place may be known by several names.
struct ImportMark: Hashable, Sendable {
    /// What the rows come from, or go to: a URL without a password, or what a backup is of.
    var place: String
    /// Names the copy or restore: 16 hexadecimal digits.
    var id: String

    /// The most bytes of a place; a store keeps 1,024 for the whole.
    static let placeBytes = 900
    private static let infix = ", number "

    init(place: String, id: String) {
        self.place = String(decoding: place.utf8.prefix(Self.placeBytes), as: UTF8.self)
        self.id = id
    }

    /// A mark for a new copy.
    init(place: String, using random: inout some RandomNumberGenerator) {
        let bytes = ChangeID(using: &random).bytes
        self.init(place: place, id: Hex.encode(bytes.prefix(8)))
    }

    /// Reads the mark of a state; `nil` when it has none, or one of another form.
    init?(_ text: String?) {
        guard let text, let range = text.range(ofLast: Self.infix) else { return nil }
        let id = text[range.upperBound...]
        guard id.utf8.count == 16 else { return nil }
        self.init(place: String(text[..<range.lowerBound]), id: String(id))
    }

    /// The text that a store keeps.
    var text: String { place + Self.infix + id }
}

extension String {
    /// Where some words are found last.
    fileprivate func range(ofLast words: String) -> Range<Index>? {
        var start = endIndex
        while true {
            if self[start...].hasPrefix(words) { return start..<index(start, offsetBy: words.count) }
            guard start > startIndex else { return nil }
            start = index(before: start)
        }
    }
}
