import Crypto
public import Basics

/// What a user's jobs of origin `local` are sealed with: who has the same key carries them on as his own. See docs/database.md.
public struct SealingKey: Sendable {
    /// Recorded beside the seal, for people: `alice@web1`.
    public let maker: String
    private let bytes: [UInt8]

    static let byteCount = 32

    init(bytes: [UInt8], maker: String) {
        self.bytes = bytes
        self.maker = maker
    }

    /// One that ends with this process: what is sealed with it nobody else carries on.
    public static func ofThisProcess(maker: String) -> SealingKey { SealingKey(bytes: processKey, maker: maker) }

    private static let processKey = RandomBytes.make(byteCount)

    /// HMAC-SHA256 over what says which job it is and what it is to do. Its steps are those of the plan, which is named by its hash (`PlannedSteps`).
    func code(of record: RunRecord, maker: String) -> String {
        let claim: JSONValue = [
            "format": 1, "tenant": .string(record.tenant), "job": .string(record.job.rawValue), "plan": .string(record.plan.rawValue),
            "origin": .string(record.origin.rawValue), "maker": .string(maker), "parameters": .object(record.parameters),
        ]
        return HMACSHA256.code(claim.canonicalBytes, key: bytes).hex
    }

    /// What the recorded origin is worth to who has this key.
    func trust(_ record: RunRecord) -> JobTrust {
        guard record.origin == .local else { return .submitted }
        guard let maker = record.maker, let seal = record.seal,
            HMACSHA256.isEqual(Array(seal.utf8), Array(code(of: record, maker: maker).utf8))
        else { return .unproven(record.job, maker: record.maker) }
        return .local
    }
}

extension SealingKey: SecretHolding {
    public var shown: String { "key of \(maker)" }
}
