/// Whose the objects of a restored dump are.
enum DumpOwnership: String, CaseIterable, Sendable {
    /// Those who had them, with the privileges that others had on them.
    case kept
    /// The user who restores; nobody else has privileges.
    case user
}
