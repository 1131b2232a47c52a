extension String {
    /// The text without control characters, cut to at most so many bytes of UTF-8 between two scalars.
    func bounded(bytes limit: Int) -> String {
        var result = UnicodeScalarView()
        var count = 0
        for scalar in unicodeScalars where scalar.value >= 32 && scalar.value != 127 {
            count += UTF8.width(scalar)
            if count > limit { break }
            result.append(scalar)
        }
        return String(result)
    }
}
