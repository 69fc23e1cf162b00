/// What a restore does with the roles and tablespaces of a copy.
enum GlobalsPolicy: String, CaseIterable, Sendable {
    /// Nothing: the server has its own.
    case none
    /// Makes those that are missing, without what would let a role take over the server or read what is there.
    case unprivileged
    /// Makes those that are missing as they were.
    case privileged
}
