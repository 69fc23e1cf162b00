@testable import Crypto
import Testing

@Suite struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("{\"nodes\":[]}\n", "ac08ce34ba4f8123618661bef2425f7028ffb9ac740578a3ee88684d2523fee8"),
    ])
    func knownDigests(message: String, expected: String) { #expect(SHA256.hex(Array(message.utf8)) == expected) }

    @Test func theZeroChunkOfRestic() {
        #expect(SHA256.hex([UInt8](repeating: 0, count: 512 << 10)) == "07854d2fef297a06ba81685e660c332de36d5d18d546927d30daad6d7fda1541")
    }

    @Test func oneContextHashesMessageAfterMessage() {
        let hash = SHA256()
        hash.update(Array("ab".utf8))
        hash.update(Array("c".utf8))
        #expect(hash.finish() == SHA256.digest(Array("abc".utf8)))
        #expect(hash.finish() == SHA256.digest([]))
    }

    @Test func digestsKeepBytesHexAndOrder() throws {
        let low = SHA256.digest([1])
        let high = SHA256.digest([2])
        #expect(SHA256Digest(hex: low.hex) == low)
        #expect(low.bytes.withUnsafeBytes { SHA256Digest(bytes: $0) } == low)
        #expect((low < high) == low.bytes.lexicographicallyPrecedes(high.bytes))
        #expect(low.bytes.first == low.firstByte)
        #expect(SHA256Digest(hex: low.hex.uppercased()) == nil)
        #expect(SHA256Digest(hex: String(low.hex.dropLast())) == nil)
    }

    /// Ends of a block, of the padding, and what lies between.
    private static let lengths = Array(0...200) + [255, 256, 257, 4096, 65537]

    private static func message(_ length: Int, seed: Int) -> [UInt8] {
        (0..<length).map { UInt8(truncatingIfNeeded: ($0 &* 131) ^ ($0 >> 7) &+ seed) }
    }

    @Test(.enabled(if: SHA256Blocks.isAvailable, "this processor has no instructions for SHA-256"), arguments: lengths)
    func blocksHashWhatLibcryptoHashes(length: Int) {
        let (ours, theirs) = (SHA256(byBlocks: true), SHA256(byBlocks: false))
        let message = Self.message(length, seed: 1)
        for split in [0, 1, length / 2, max(length - 1, 0), length] where split <= length {
            ours.update(Array(message[..<split]))
            ours.update(Array(message[split...]))
            theirs.update(message)
            #expect(ours.finish() == theirs.finish(), "\(length) bytes, cut at \(split)")
        }
    }

    /// In every combination of lengths, in one go and after a beginning of one of them.
    @Test(arguments: [true, false], lengths) func twoAtOnceAreTwoMessages(byBlocks: Bool, length: Int) throws {
        let byBlocks = byBlocks && SHA256Blocks.isAvailable
        let (first, second) = (SHA256(byBlocks: byBlocks), SHA256(byBlocks: byBlocks))
        let reference = SHA256(byBlocks: false)
        let one = Self.message(length, seed: 3)
        for other in Self.lengths.map({ Self.message($0, seed: 5) }) {
            for begun in [0, 1, 63, 64] where begun <= other.count {
                second.update(Array(other[..<begun]))
                one.withUnsafeBytes { one in
                    other[begun...].withUnsafeBytes { rest in SHA256.update(first, one, second, rest) }
                }
                reference.update(one)
                let isFirst = first.finish() == reference.finish()
                reference.update(other)
                let isSecond = second.finish() == reference.finish()
                // Hundreds of thousands of times: an expectation costs more than two hashes.
                if !isFirst || !isSecond {
                    Issue.record("\(length) and \(other.count) bytes, of which \(begun) before: \(isFirst), \(isSecond)")
                }
            }
        }
    }
}
