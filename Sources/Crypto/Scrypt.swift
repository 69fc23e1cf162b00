import CLibCrypto
public import Basics

/// The password hash of a key file (RFC 7914), with the cost parameters that the file records.
public struct Scrypt: Sendable, Hashable {
    /// A power of two above 1.
    public var cost: UInt64
    public var blockSize: UInt64
    public var parallelism: UInt64
    public var salt: [UInt8]

    public init(cost: UInt64, blockSize: UInt64, parallelism: UInt64, salt: [UInt8]) {
        self.cost = cost
        self.blockSize = blockSize
        self.parallelism = parallelism
        self.salt = salt
    }

    /// What restic calibrates to on a present server: about 0.1 s and 32 MiB.
    public static let standardCost: UInt64 = 32768

    /// With a salt of its own.
    public static func make(cost: UInt64 = standardCost) -> Scrypt {
        Scrypt(cost: cost, blockSize: 8, parallelism: 1, salt: RandomBytes.make(64))
    }

    /// Above this much memory a key file is refused: it would be an attack rather than a password hash.
    private static let maximumMemory: UInt64 = 1 << 30

    /// Derives the key under which a master key is sealed. Takes tenths of a second of one core, by intent.
    public func derive(password: [UInt8]) throws(Explanation) -> SealKey {
        let key = SealKey { memory in
            password.withUnsafeBytes { password in
                let done = EVP_PBE_scrypt(
                    password.bindMemory(to: CChar.self).baseAddress, password.count, salt, salt.count, cost, blockSize, parallelism,
                    Self.maximumMemory, memory.bindMemory(to: UInt8.self).baseAddress, memory.count)
                if done != 1 { memory.initializeMemory(as: UInt8.self, repeating: 0) }
            }
        }
        guard key.memory.contains(where: { $0 != 0 }) else {
            throw Explanation(
                .badParameters, expected: "scrypt parameters within 1 GiB of memory", found: "N=\(cost) r=\(blockSize) p=\(parallelism)",
                at: "key file", advice: "the key file is damaged; use another one")
        }
        return key
    }
}
