/// Reading (RFC 4291 §2.2) and printing (RFC 5952) of IPv6 addresses.
enum IPv6Text {
    private static let colon = UInt8(ascii: ":")

    static func parse(_ text: Substring.UTF8View) -> UInt128? {
        guard let gap = firstDoubleColon(in: text) else {
            guard let groups = groups(of: text), groups.count == 8 else { return nil }
            return number(groups)
        }
        let head = text[..<gap]
        let tail = text[text.index(gap, offsetBy: 2)...]
        guard let before = groups(of: head, allowingIPv4: false), let after = groups(of: tail),
            before.count + after.count <= 7
        else { return nil }
        return number(before + Array(repeating: 0, count: 8 - before.count - after.count) + after)
    }

    static func print(_ address: IPv6Address) -> String {
        if let mapped = address.ipv4Mapped {
            return "::ffff:\(mapped)"
        }
        let groups = address.groups
        guard let run = longestZeroRun(in: groups) else { return text(of: groups[...]) }
        return text(of: groups[..<run.lowerBound]) + "::" + text(of: groups[run.upperBound...])
    }

    private static func text(of groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    /// The longest run of two or more zero groups, the first one of equals.
    private static func longestZeroRun(in groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<0
        var start = 0
        for index in groups.indices {
            if groups[index] != 0 {
                start = index + 1
            } else if index + 1 - start > longest.count {
                longest = start..<index + 1
            }
        }
        return longest.count >= 2 ? longest : nil
    }

    private static func firstDoubleColon(in text: Substring.UTF8View) -> Substring.UTF8View.Index? {
        var previous: UInt8 = 0
        var previousIndex = text.startIndex
        for index in text.indices {
            if text[index] == colon, previous == colon { return previousIndex }
            previous = text[index]
            previousIndex = index
        }
        return nil
    }

    /// Groups between single colons; no text is no groups.
    private static func groups(of text: Substring.UTF8View, allowingIPv4: Bool = true) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: colon, maxSplits: 8, omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, allowingIPv4, part.contains(UInt8(ascii: ".")) {
                guard let address = IPv4Address(text: part) else { return nil }
                groups.append(UInt16(address.bits >> 16))
                groups.append(UInt16(address.bits & 0xFFFF))
            } else {
                guard let group = group(of: part) else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    private static func group(of part: Substring.UTF8View) -> UInt16? {
        guard (1...4).contains(part.count), part.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") })
        else { return nil }
        return UInt16(Substring(part), radix: 16)
    }

    private static func number(_ groups: [UInt16]) -> UInt128 {
        groups.reduce(0) { $0 << 16 | UInt128($1) }
    }
}
