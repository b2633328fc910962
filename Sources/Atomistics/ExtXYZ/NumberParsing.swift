import Glibc

/// Parses the numbers in columns. The whole `token` must be a number.
enum NumberParsing {
    /// Parses a decimal integer with or without sign; returns nil for other text and for values outside 64 bits.
    @inline(__always)
    static func integer(_ token: UnsafeBufferPointer<UInt8>) -> Int? {
        var i = 0
        let isNegative = token.count > 0 && token[0] == 0x2D
        if isNegative || (token.count > 0 && token[0] == 0x2B) { i = 1 }
        guard i < token.count else { return nil }
        var value = 0
        while i < token.count {
            let digit = Int(token[i] &- 0x30)
            guard digit <= 9 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.subtractingReportingOverflow(digit)
            guard !overflow, !carry else { return nil }
            value = sum
            i += 1
        }
        // The digits are accumulated as a negative number, because the negative range is larger by
        // one.
        return isNegative ? value : (value == .min ? nil : -value)
    }

    /// Parses a real number and rounds it correctly. Exponents may have `e`, `E`, `d` or `D`; `nan` and `inf` may be in
    /// upper or lower case.
    ///
    /// Up to 19 digits make an exact 64-bit integer m. If m and the power of ten are exact in a
    /// floating-point format, one multiplication or division is the only rounding (Clinger, PLDI
    /// 1990). Numbers that are exact only in the 80-bit format are computed there; the result is
    /// rounded a second time, to double, which is correct unless its last eleven bits are exactly at
    /// the half. All other numbers go to the C library.
    @inline(__always)
    static func real(_ token: UnsafeBufferPointer<UInt8>) -> Double? {
        let count = token.count
        var i = 0
        guard count > 0 else { return nil }
        let isNegative = token[0] == 0x2D
        if isNegative || token[0] == 0x2B { i = 1 }
        var mantissa: UInt64 = 0
        var digits = 0
        var significant = 0
        while i < count {
            let digit = token[i] &- 0x30
            guard digit <= 9 else { break }
            mantissa = mantissa &* 10 &+ UInt64(digit)
            if mantissa != 0 { significant += 1 }
            digits += 1
            i += 1
        }
        var exponent = 0
        if i < count, token[i] == 0x2E {
            i += 1
            while i < count {
                let digit = token[i] &- 0x30
                guard digit <= 9 else { break }
                mantissa = mantissa &* 10 &+ UInt64(digit)
                if mantissa != 0 { significant += 1 }
                digits += 1
                exponent -= 1
                i += 1
            }
        }
        guard digits > 0 else { return notFinite(token) }
        if i < count {
            guard token[i] | 0x20 == 0x65 || token[i] | 0x20 == 0x64 else { return nil }
            guard let written = integer(UnsafeBufferPointer(rebasing: token[(i + 1)...])) else {
                return allDigits(token, from: i + 1) ? slow(token) : nil
            }
            let (sum, overflow) = exponent.addingReportingOverflow(written)
            if overflow { return slow(token) }
            exponent = sum
        }
        guard significant <= 19 else { return slow(token) }
        if mantissa == 0 { return isNegative ? -0.0 : 0.0 }
        if mantissa <= 1 << 53, -22...22 ~= exponent {
            let value = Double(mantissa)
            let result = exponent < 0 ? value / powers[-exponent] : value * powers[exponent]
            return isNegative ? -result : result
        }
        #if arch(x86_64)
            if -27...27 ~= exponent {
                let value = Float80(mantissa)
                let power = longPowers[abs(exponent)]
                let result = exponent < 0 ? value / power : value * power
                if result.significandBitPattern & 0x7FF != 0x400 {
                    return Double(isNegative ? -result : result)
                }
            }
        #endif
        return slow(token)
    }

    private static func allDigits(_ token: UnsafeBufferPointer<UInt8>, from start: Int) -> Bool {
        var rest = token[start...]
        if let sign = rest.first, sign == 0x2D || sign == 0x2B { rest = rest.dropFirst() }
        return !rest.isEmpty && rest.allSatisfy { 0x30...0x39 ~= $0 }
    }

    private static func notFinite(_ token: UnsafeBufferPointer<UInt8>) -> Double? {
        let isNegative = token[0] == 0x2D
        let word = isNegative || token[0] == 0x2B ? token[1...] : token[...]
        switch String(decoding: word.map { $0 | 0x20 }, as: UTF8.self) {
        case "nan": return .nan
        case "inf", "infinity": return isNegative ? -.infinity : .infinity
        default: return nil
        }
    }

    /// Parses a token that is known to be a decimal number, with the C library.
    private static func slow(_ token: UnsafeBufferPointer<UInt8>) -> Double? {
        var text = token.map { $0 | 0x20 == 0x64 ? UInt8(ascii: "e") : $0 }
        text.append(0)
        return text.withUnsafeBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { strtod($0, nil) }
        }
    }

    private static let powers: [Double] = (0...22).map { exactPower($0) }

    private static func exactPower(_ n: Int) -> Double {
        var power = 1.0
        for _ in 0..<n { power *= 10 }
        return power
    }

    #if arch(x86_64)
        /// 10²⁷ = 2²⁷ · 5²⁷, and 5²⁷ has 63 bits, so it is exact in 64.
        private static let longPowers: [Float80] = {
            var powers: [Float80] = [1]
            for _ in 0..<27 { powers.append(powers[powers.count - 1] * 10) }
            return powers
        }()
    #endif
}
