@testable import Crypto
@testable import Repository
import Testing

/// restic/chunker itself made these lengths (facts 1.9).
@Suite struct ChunkerTests {
    /// AES-256-CTR under a zero key: the portable test data.
    static let data: [UInt8] = {
        let key = SealKey { $0.initializeMemory(as: UInt8.self, repeating: 0) }
        let zeros = [UInt8](repeating: 0, count: 32 << 20)
        var sealed = [UInt8](repeating: 0, count: zeros.count + 32)
        sealed.withUnsafeMutableBytes { sealed in zeros.withUnsafeBytes { Sealer(key).sealUnderNonce($0, into: sealed) } }
        return Array(sealed[16..<(sealed.count - 16)])
    }()

    /// Cuts all data, giving the chunker slices of a size at a time.
    static func cut(_ data: [UInt8], _ polynomial: UInt64, slice: Int) -> [Int] {
        var chunker = Chunker(RabinTables(Polynomial(polynomial)))
        var lengths: [Int] = []
        data.withUnsafeBufferPointer { data in
            var start = 0
            var end = 0
            while end < data.count {
                end = min(end + slice, data.count)
                while let length = chunker.cut(UnsafeBufferPointer(rebasing: data[start..<end])) {
                    lengths.append(length)
                    start += length
                }
            }
            if start < end { lengths.append(end - start) }
        }
        return lengths
    }

    static let lengths = [
        551133, 640712, 2766582, 898583, 2782732, 2263350, 531615, 1191198, 3039727, 3056265, 6102139, 872917, 919848, 1608882, 1844092,
        1605195, 2879462,
    ]

    @Test(arguments: [256 << 10, 64 << 10, 1 << 20, 32 << 20, 100_003])
    func cutsWhereResticCuts(slice: Int) {
        #expect(SHA256.hex(Self.data) == "580881df129d7ef36820a14231d4dab34d306a37ef48c49463da3b05282de687")
        #expect(Self.cut(Self.data, 0x3da3358b4dc173, slice: slice) == Self.lengths)
    }

    @Test func anotherPolynomialCutsElsewhere() {
        #expect(Array(Self.cut(Self.data, 0x25b468838dcb75, slice: 256 << 10).prefix(5)) == [547920, 1171903, 1303485, 2498885, 2629392])
    }

    @Test func zerosAreCutAtTheMinimum() {
        #expect(
            Self.cut([UInt8](repeating: 0, count: 3 << 20), 0x3da3358b4dc173, slice: 256 << 10) == [Int](repeating: 512 << 10, count: 6))
    }

    @Test func polynomialsAreTested() {
        for good in [0x3DA3358B4DC173, 0x2482734cacca49] as [UInt64] { #expect(Polynomial(good).isIrreducible) }
        for bad in [0x38f1e565e288df, 0x30a8295b9d5c91, 0x255f4350b962cb, 0, 1] as [UInt64] { #expect(!Polynomial(bad).isIrreducible) }
        let drawn = Polynomial.random()
        #expect(drawn.degree == 53 && drawn.isIrreducible)
        #expect(Polynomial(hex: drawn.hex) == drawn)
    }
}
