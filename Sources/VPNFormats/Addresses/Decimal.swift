/// Decimal numbers as they stand in addresses: digits only, no sign, no leading zero.
enum Decimal {
    static func parse(_ text: some Collection<UInt8>, maximum: UInt64) -> UInt64? {
        guard let first = text.first, text.count <= 20, first != UInt8(ascii: "0") || text.count == 1 else {
            return nil
        }
        var value: UInt64 = 0
        for character in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else { return nil }
            let (product, productOverflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = product.addingReportingOverflow(UInt64(character - UInt8(ascii: "0")))
            guard !productOverflow, !sumOverflow else { return nil }
            value = sum
        }
        return value <= maximum ? value : nil
    }
}
