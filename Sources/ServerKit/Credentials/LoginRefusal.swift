/// Why nobody was let in. A protocol says it in its own words.
public enum LoginRefusal: Error, Sendable, Hashable {
    /// No credentials, or wrong ones; which of the two is nobody's business.
    case unauthenticated
    /// So many passwords are being checked that this one was not looked at.
    case busy(retryAfterSeconds: Int)
}
