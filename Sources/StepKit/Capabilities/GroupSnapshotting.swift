/// Can hold one instant over several systems: a consistency group.
public protocol GroupSnapshotting: Snapshotting {
    /// What systems must share to be held in one instant, as a cluster's name; nil for one that can't be in a group.
    var groupPlace: String? { get }

    /// Takes snapshots of this system and of others of its type and place, all of one instant; first its own. Each is found and released
    /// by its own key afterwards. When it throws, what was made under the keys may be released.
    func snapshot(key: String, with others: [GroupMember], _ context: StepContext) async throws -> [SystemSnapshot]

    /// Whether snapshots that were found by their keys are of one instant.
    func areOfOneInstant(_ snapshots: [SystemSnapshot]) -> Bool
}

/// Another system of a group, and the key of its snapshot.
public struct GroupMember: Sendable {
    /// Of the same type and place as the system that is asked.
    public var system: any GroupSnapshotting
    /// At most 32 characters of `[a-z0-9-]`, as each snapshot has one.
    public var key: String

    public init(system: any GroupSnapshotting, key: String) {
        self.system = system
        self.key = key
    }
}
