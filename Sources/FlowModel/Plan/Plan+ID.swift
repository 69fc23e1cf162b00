public import Basics
import Crypto

extension Plan {
    /// The bytes that are stored and hashed.
    public var canonicalBytes: [UInt8] {
        do {
            return try JSONValue(encoding: self).canonicalBytes
        } catch {
            preconditionFailure("a plan is made of JSON values only: \(error)")
        }
    }

    /// SHA-256 over the canonical bytes.
    public var id: PlanID { PlanID(rawValue: SHA256.hex(canonicalBytes)) }
}
