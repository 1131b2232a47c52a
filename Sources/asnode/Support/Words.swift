internal import ClusterCore
internal import ClusterOperations
internal import VPNFormats

/// Yes or no.
func yes(_ value: Bool) -> String { value ? "yes" : "no" }

/// A text without what stands before the host in URLs, and without passwords in their options: the parser of the command
/// line quotes what it does not understand.
func withoutPasswords(_ text: String) -> String {
    let words = text.split(separator: " ", omittingEmptySubsequences: false).map { String($0) }
    return words.map { word -> String in
        guard let scheme = word.firstRange(of: "://") else { return word }
        var rest = String(word[scheme.upperBound...])
        if let end = rest.lastIndex(of: "@") { rest = "…" + String(rest[end...]) }
        if let option = rest.firstRange(of: "password=") { rest = String(rest[..<option.upperBound]) + "…" }
        return String(word[..<scheme.upperBound]) + rest
    }.joined(separator: " ")
}

/// A time for a table: to the second, UTC.
func time(_ value: Timestamp) -> String { Timestamp(seconds: value.seconds).description }

/// A number of bytes for a table, in binary units.
func bytes(_ count: Int64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    var value = Double(count)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
        value /= 1024
        unit += 1
    }
    guard unit > 0 else { return "\(count) B" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
}

extension Session {
    /// The addresses in the tunnel.
    var addressText: String {
        let addresses = [ipv4?.description, ipv6?.description].compactMap(\.self)
        return addresses.isEmpty ? "-" : addresses.joined(separator: " ")
    }

    /// What the client says of itself.
    var clientText: String {
        let words = [clientVersion, clientPlatform].filter { !$0.isEmpty }
        return words.isEmpty ? "-" : words.joined(separator: " ")
    }
}

extension Listing {
    /// Says on standard error which rows were left out.
    func warn() {
        for row in rejected { StandardError.write("asnode: warning: \(OneLine.of(row.description)); it is left out\n") }
    }
}
