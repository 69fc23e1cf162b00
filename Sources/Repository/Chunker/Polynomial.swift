import Crypto

/// A polynomial over GF(2), one coefficient a bit.
struct Polynomial: Sendable, Hashable {
    var bits: UInt64

    init(_ bits: UInt64) { self.bits = bits }

    init?(hex: String) {
        guard let bits = UInt64(hex, radix: 16) else { return nil }
        self.bits = bits
    }

    var hex: String { String(bits, radix: 16) }

    /// -1 for zero.
    var degree: Int { 63 - bits.leadingZeroBitCount }

    /// The remainder of `value` divided by this.
    func remainder(of value: UInt64) -> UInt64 {
        var value = value
        let degree = degree
        while true {
            let shift = 63 - value.leadingZeroBitCount - degree
            guard shift >= 0 else { return value }
            value ^= bits << UInt64(shift)
        }
    }

    /// a·b modulo this; a and b are of smaller degree than this, which is at most 62.
    private func product(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var a = a
        var b = b
        var sum: UInt64 = 0
        let top = UInt64(1) << UInt64(degree)
        while b != 0 {
            if b & 1 != 0 { sum ^= a }
            b >>= 1
            a <<= 1
            if a & top != 0 { a ^= bits }
        }
        return sum
    }

    private static func greatestCommonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, Polynomial(b).remainder(of: a)) }
        return a
    }

    /// Ben-Or's test: no factor of degree i divides x^(2^i) - x for any i up to half the degree.
    var isIrreducible: Bool {
        guard (1...62).contains(degree) else { return false }
        var power: UInt64 = 2  // x
        guard degree > 1 else { return true }
        for _ in 1...degree / 2 {
            power = product(power, power)
            guard Self.greatestCommonDivisor(bits, power ^ 2) == 1 else { return false }
        }
        return true
    }

    /// A random irreducible polynomial of degree 53, as `restic init` draws one.
    static func random() -> Polynomial {
        while true {
            let drawn = RandomBytes.make(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
            let candidate = Polynomial(drawn & (1 << 54 - 1) | 1 << 53 | 1)
            if candidate.isIrreducible { return candidate }
        }
    }
}
