/// What writers that died left half made, and that was found or removed.
public struct UnfinishedObjects: Sendable, Hashable {
    /// Of how many objects, whatever the number of their parts.
    public var count: Int
    public var bytes: Int64

    public init(count: Int = 0, bytes: Int64 = 0) {
        self.count = count
        self.bytes = bytes
    }

    public static func += (sum: inout UnfinishedObjects, more: UnfinishedObjects) {
        sum.count += more.count
        sum.bytes += more.bytes
    }

    public static func + (one: UnfinishedObjects, other: UnfinishedObjects) -> UnfinishedObjects {
        UnfinishedObjects(count: one.count + other.count, bytes: one.bytes + other.bytes)
    }
}

extension ObjectName {
    /// True for what a repository's writers name: `data/ab/<64 hex digits>`, and the same in `index`, `keys`, `locks` and `snapshots`. A store may
    /// hold other things beside a repository, and they are nobody's to remove.
    public var isOfARepository: Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let id = parts.last, id.utf8.count == 64, id.utf8.allSatisfy(Self.isHexDigit) else { return false }
        if parts.count == 3 { return parts[0] == "data" && id.hasPrefix(parts[1]) && parts[1].utf8.count == 2 }
        return parts.count == 2 && ["data", "index", "keys", "locks", "snapshots"].contains(parts[0])
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }
}
