/// A system type whose instances take a moment to be ready for the first call: a program to be started, a server to be connected to. Who knows that a step will
/// need one soon has that done beside what comes before.
public protocol PreparingType: SystemType {
    /// Returns at once, reports nothing and changes nothing: what goes wrong goes wrong again where it counts. Secrets may be read, more than once.
    func prepare(_ settings: Settings)
}

/// A system that can connect before it is asked anything.
public protocol Connecting: System {
    /// Callers that come while it connects wait for the same connection, and share its error.
    func connect() async throws
}
