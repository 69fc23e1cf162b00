/// What a system type can do. A type has the capabilities whose protocols its instances conform to.
public enum Capability: String, Sendable, Hashable, CaseIterable, Comparable {
    case quiescing, snapshotting, treeSource, treeDestination, imageSource, imageDestination, partSource, verifying, discovering, attaching
    case completing, inventorying

    public static func < (left: Capability, right: Capability) -> Bool { left.rawValue < right.rawValue }

    /// The capabilities of instances of a type.
    static func of(_ type: any System.Type) -> Set<Capability> {
        var found: Set<Capability> = []
        if type is any Quiescing.Type { found.insert(.quiescing) }
        if type is any Snapshotting.Type { found.insert(.snapshotting) }
        if type is any TreeSource.Type { found.insert(.treeSource) }
        if type is any TreeDestination.Type { found.insert(.treeDestination) }
        if type is any ImageSource.Type { found.insert(.imageSource) }
        if type is any ImageDestination.Type { found.insert(.imageDestination) }
        if type is any PartSource.Type { found.insert(.partSource) }
        if type is any Verifying.Type { found.insert(.verifying) }
        if type is any Discovering.Type { found.insert(.discovering) }
        if type is any Attaching.Type { found.insert(.attaching) }
        if type is any Inventorying.Type { found.insert(.inventorying) }
        if type is any TreeCompleting.Type { found.insert(.completing) }
        return found
    }
}
