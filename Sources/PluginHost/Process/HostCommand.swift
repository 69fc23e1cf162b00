import Basics
import Foundation

/// How this binary is started to host plug-ins of its own.
public struct HostCommand: Sendable, Hashable {
    /// The binary and the arguments that make it a host.
    public var command: [String]

    public init(_ command: [String]) { self.command = command }

    /// After the time in which the library itself should have given up: one call of it may be several of the server's.
    private static func grace(_ timeout: TimeSpan) -> TimeSpan { max(timeout, .seconds(5)) }
    private static let callsAtOnce = 16

    func program(_ name: String, _ timeout: TimeSpan, callsAtOnce: Int = callsAtOnce) -> PluginProgram {
        // One that crashes is to be gone at once, not after a study of its remains.
        let environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        var program = PluginProgram(
            name: name, command: command, environment: environment,
            timeout: TimeSpan(milliseconds: timeout.milliseconds + Self.grace(timeout).milliseconds), callsAtOnce: callsAtOnce)
        program.sharesMemory = true
        return program
    }
}
