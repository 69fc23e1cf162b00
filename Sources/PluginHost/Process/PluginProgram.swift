public import Basics

/// A plug-in's program, and what is to be known to start it.
public struct PluginProgram: Sendable, Hashable {
    /// In messages: the plug-in's name.
    public var name: String
    /// The program's absolute path and its arguments. No secret is among them.
    public var command: [String]
    /// The whole environment.
    public var environment: [String: String]
    /// A call in which nothing moves for so long is given up, and the program with it.
    public var timeout: TimeSpan
    /// How many calls it takes at once.
    public var callsAtOnce: Int
    /// Whether it is one of ours, which finds memory of the worker's as descriptor 4 (`SharedMemory`).
    var sharesMemory = false

    public init(name: String, command: [String], environment: [String: String], timeout: TimeSpan, callsAtOnce: Int) {
        self.name = name
        self.command = command
        self.environment = environment
        self.timeout = timeout
        self.callsAtOnce = callsAtOnce
    }
}

extension PluginProgram: SecretHolding {
    public var shown: String { "plug-in \(name)" }
}
