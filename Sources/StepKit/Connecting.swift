/// A system that can connect before it is asked anything.
public protocol Connecting: System {
    /// Callers that come while it connects wait for the same connection, and share its error.
    func connect() async throws
}
