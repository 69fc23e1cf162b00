import Crypto
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
}
