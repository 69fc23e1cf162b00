@testable import Crypto
import Basics
import Testing

/// Vectors of restic's crypto_int_test.go and of an independent implementation (facts 1.9).
@Suite struct SealerTests {
    static let key = SealKey(
        encrypt: hex("303e8687b1d7db18421bdc6bb8588ccadac4d59ee87b8ff70c44e635790cafef"), macK: hex("ef4d8824cb80b2bcc5fbff8a9b12a42c"),
        macR: hex("cc8d4b948ee0ebfe1d415de921d10353"))

    static func hex(_ text: String) -> [UInt8] {
        var out: [UInt8] = []
        var rest = Substring(text)
        while let byte = UInt8(rest.prefix(2), radix: 16) {
            out.append(byte)
            rest = rest.dropFirst(2)
        }
        return out
    }

    func seal(_ plain: [UInt8], nonce: [UInt8], with sealer: Sealer) -> [UInt8] {
        var out = nonce + [UInt8](repeating: 0, count: plain.count + 16)
        out.withUnsafeMutableBytes { out in plain.withUnsafeBytes { sealer.sealUnderNonce($0, into: out) } }
        return out
    }

    @Test func poly1305AES() throws {
        let vectors = [
            (
                "f3f6", "851fc40c3467ac0be05cc20404f3f700", "ec074c835580741701425b623235add6", "fb447350c4e868c52ac3275cf9d4327e",
                "f4c633c3044fc145f84f335cb81953de"
            ),
            (
                "", "a0f3080000f46400d0c7e9076c834403", "75deaa25c09f208e1dc4ce6b5cad3fbf", "61ee09218d29b0aaed7e154a2c5509cc",
                "dd3fab2251f11ac759f0887129cc2ee7"
            ),
        ]
        for (message, r, k, nonce, mac) in vectors {
            let key = try #require(SealKey(encrypt: [UInt8](repeating: 1, count: 32), macK: Self.hex(k), macR: Self.hex(r)))
            let sealed = Self.hex(nonce) + Self.hex(message) + Self.hex(mac)
            #expect(sealed.withUnsafeBytes { Sealer(key).isAuthentic($0) })
        }
    }

    @Test func sealsAsResticDoes() throws {
        let sealer = Sealer(try #require(Self.key))
        let whole = Self.hex("69fb41c62d12def4593bd71757138606338f621aeaeb39da0fe4f99233f8037a54ea63338a813bcf3f75d8c3cc75dddf8750")
        #expect(seal(Array("Dies ist ein Test!".utf8), nonce: Array(whole[..<16]), with: sealer) == whole)
        let nonce = Array(UInt8(0)..<16)
        #expect(seal([], nonce: nonce, with: sealer) == Self.hex("000102030405060708090a0b0c0d0e0f73c7ade3643227533f25ca00e966ceb3"))
        #expect(
            seal(Array("abc".utf8), nonce: nonce, with: sealer)
                == Self.hex("000102030405060708090a0b0c0d0e0f75dd89007ed0c1144ac07c0f08b1bdcb02446a"))
        #expect(try sealer.open(whole) == Array("Dies ist ein Test!".utf8))
    }

    @Test func everyFlippedBitIsFound() throws {
        let sealer = Sealer(try #require(Self.key))
        let sealed = sealer.seal(Array("content".utf8))
        #expect(try sealer.open(sealed) == Array("content".utf8))
        #expect(sealer.seal(Array("content".utf8)) != sealed)
        for index in sealed.indices {
            var damaged = sealed
            damaged[index] ^= 1
            #expect(throws: Explanation.self) { try sealer.open(damaged) }
        }
        #expect(throws: Explanation.self) { try sealer.open(Array(sealed.dropLast())) }
        #expect(throws: Explanation.self) { try sealer.open([1, 2, 3]) }
    }

    @Test func scryptYieldsTheThreeKeys() throws {
        let key = try Scrypt(cost: 1024, blockSize: 8, parallelism: 1, salt: Array(UInt8(0)..<64)).derive(password: Array("geheim".utf8))
        key.withParts { encrypt, k, r in
            #expect(encrypt == Self.hex("afd9918d07af99c41fe53ea3e2602702a2cc0f1d68f2c224f4f4bdff8a4bea38"))
            #expect(k == Self.hex("e522565c84ab5b1070e2da80cfd4ef48"))
            #expect(r == Self.hex("e369ce349fb98016146594b711346c99"))
        }
        #expect(throws: Explanation.self) {
            try Scrypt(cost: 1 << 40, blockSize: 8, parallelism: 1, salt: [1]).derive(password: [])
        }
    }

    @Test func hmacOfRFC4231() {
        let code = HMACSHA256.code(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(code.hex == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(HMACSHA256.isEqual(code.bytes, code.bytes))
        #expect(!HMACSHA256.isEqual(code.bytes, [1]))
    }

    @Test func zeroKeysAreRefused() {
        #expect(
            SealKey(
                encrypt: [UInt8](repeating: 0, count: 32), macK: [UInt8](repeating: 1, count: 16), macR: [UInt8](repeating: 1, count: 16))
                == nil)
        #expect(SealKey(encrypt: [1], macK: [2], macR: [3]) == nil)
    }
}
