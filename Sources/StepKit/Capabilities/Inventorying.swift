public import Basics

/// Can say what lies there that steps have made: for whoever compares it with what the control database knows.
public protocol Inventorying: System {
    /// Everything there that bears a step's key, whole or half made, in no order, whatever database the step was in. Changes nothing, and needs no
    /// step. An empty list says that nothing is there: what can't be looked at throws. What is listed is undone by its key, as a step would undo it
    /// (`release`, `detach`, `thaw`).
    func inventory(_ context: SystemContext) async throws -> [Holding]
}

/// Something that a step made or froze outside, as it is found by its name.
public struct Holding: Sendable, Hashable {
    /// What it looks like. Which step made it, and so what undoes it, the control database says.
    public var kind: AcquisitionKind
    /// The key of the step that made it, which its name holds.
    public var key: String
    /// Where it is, for people: a path, `pool/image@snapshot`, a session.
    public var name: String
    /// Since when it is there, where the system says so.
    public var since: Instant?

    public init(kind: AcquisitionKind, key: String, name: String, since: Instant? = nil) {
        self.kind = kind
        self.key = key
        self.name = name
        self.since = since
    }
}

extension Holding {
    /// Whether a text is a key that the engine gives: `sf-`, 26 hex digits and, where a step has several systems, the place of this one in its list.
    public static func isKey(_ text: String) -> Bool {
        guard text.hasPrefix("sf-") else { return false }
        let rest = text.dropFirst(3).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        return rest[0].utf8.count == 26 && rest[0].allSatisfy { $0.isASCII && $0.isHexDigit && !$0.isUppercase }
            && (rest.count == 1 || UInt16(rest[1]) != nil)
    }

    /// The key in a name that begins and ends so; nil where what is left is none.
    public static func key(in name: String, after prefix: String = "", before suffix: String = "") -> String? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix), name.utf8.count > prefix.utf8.count + suffix.utf8.count else { return nil }
        let key = String(name.dropFirst(prefix.count).dropLast(suffix.count))
        return isKey(key) ? key : nil
    }
}
