/// Shared for what only adds or reads; exclusive for what removes.
public enum LockMode: Sendable, Hashable, Comparable {
    case shared, exclusive
}
