/// Who asks for something, for the journal and for approvals. A claim, as the way in has it: the control database is the boundary.
public struct Requester: Sendable, Hashable {
    public var name: String
    /// Groups that the person belongs to: a step's `by` may name one of them.
    public var groups: [String]?

    public init(name: String, groups: [String]? = nil) {
        self.name = name
        self.groups = groups
    }
}
