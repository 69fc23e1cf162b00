import Crypto
import Basics
import Foundation
import Rigs
import Testing
import Threads

@testable import Repository

@Suite struct DerivedKeysTests {
    private static func scrypt() -> Scrypt { Scrypt(cost: 16, blockSize: 8, parallelism: 1, salt: RandomBytes.make(64)) }

    private static func bytes(_ key: SealKey) -> [UInt8] { key.withParts { $0 + $1 + $2 } }

    @Test func theSameKeyIsNotMadeTwice() throws {
        let keys = DerivedKeys(patience: .seconds(60))
        let scrypt = Self.scrypt()
        let first = try keys.key(scrypt, password: Array("one".utf8))
        #expect(try keys.key(scrypt, password: Array("one".utf8)) === first)
        #expect(Self.bytes(first) == Self.bytes(try scrypt.derive(password: Array("one".utf8))))
        #expect(keys.count == 1)
    }

    @Test func whoComesMeanwhileWaitsForTheFirst() async throws {
        let keys = DerivedKeys(patience: .seconds(60))
        // Long enough that all of them have come before it is made.
        let scrypt = Scrypt(cost: 1 << 15, blockSize: 8, parallelism: 1, salt: RandomBytes.make(64))
        let made = try await withThrowingTaskGroup(of: SealKey.self) { group in
            let threads = BlockingPool(label: "keys", width: 8)
            for _ in 0..<8 { group.addTask { try await threads.run { try keys.key(scrypt, password: Array("one".utf8)) } } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(made.allSatisfy { $0 === made[0] })
    }

    @Test func aFailureIsNotKept() throws {
        let keys = DerivedKeys(patience: .seconds(60))
        for _ in 0..<2 {
            #expect(throws: Explanation.self) {
                try keys.key(Scrypt(cost: 3, blockSize: 8, parallelism: 1, salt: []), password: Array("one".utf8))
            }
        }
        #expect(keys.count == 0)
    }

    /// Another password, salt or cost is another key, also where their bytes in a row are the same.
    @Test func nothingElseIsTakenForIt() throws {
        let keys = DerivedKeys(patience: .seconds(60))
        let scrypt = Self.scrypt()
        var others = [scrypt, scrypt, scrypt, scrypt]
        others[0].cost = 32
        others[1].parallelism = 2
        others[2].salt = Array(scrypt.salt.dropLast())
        others[3].salt = scrypt.salt + Array("o".utf8)
        _ = try keys.key(scrypt, password: Array("one".utf8))
        for (other, password) in zip(others, ["one", "one", String(decoding: [scrypt.salt[63] & 0x7f], as: UTF8.self) + "one", "ne"]) {
            #expect(
                Self.bytes(try keys.key(other, password: Array(password.utf8)))
                    == Self.bytes(try other.derive(password: Array(password.utf8))))
        }
        #expect(Self.bytes(try keys.key(scrypt, password: Array("two".utf8))) == Self.bytes(try scrypt.derive(password: Array("two".utf8))))
        #expect(keys.count == 6)
    }

    @Test func whatNobodyUsesIsForgotten() async throws {
        let keys = DerivedKeys(patience: .milliseconds(50))
        for password in ["one", "two"] { _ = try keys.key(Self.scrypt(), password: Array(password.utf8)) }
        try await eventually("none is kept") { keys.count == 0 }
    }

    @Test func theyAreNeverMany() throws {
        let keys = DerivedKeys(patience: .seconds(60))
        for number in 0..<100 { _ = try keys.key(Self.scrypt(), password: Array("\(number)".utf8)) }
        #expect(keys.count == 64)
    }
}
