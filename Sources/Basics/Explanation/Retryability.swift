/// Whether doing the same again can help.
public enum Retryability: String, Sendable, Hashable, Codable {
    /// The same call may succeed later: a server that is down, a full disk that may be emptied.
    case transient
    /// It fails again until somebody changes something.
    case permanent
    /// Somebody else did it first: look at what is there now.
    case lostRace
}
