import ArgumentParser
import Basics
import Foundation
import LogKit
import Logging
import Synchronization

/// The log of this process. From `begin` on, every `Logger` by its label writes there.
enum ProgramLog {
    private static let output = Mutex<LogOutput?>(nil)

    /// Once. A command that is over in a moment says briefly what is wrong, to who has typed it. Throws `Explanation`.
    static func begin(for command: any ParsableCommand) throws {
        let long = command as? any LoggingCommand
        var settings = LogSettings(
            format: long == nil ? .brief : .text, level: long.map { type(of: $0).logLevel } ?? .notice, place: .standardError)
        let environment = ProcessInfo.processInfo.environment
        try settings.read(environment)
        try long?.log.apply(to: &settings)
        let output = LogOutput(settings, environment: environment)
        Self.output.withLock { $0 = output }
        LoggingSystem.bootstrap { output.handler($0) }
        // Whatever ends the process: what was said last is what somebody wants to read.
        atexit { ProgramLog.output.withLock { $0 }?.flush() }
    }
}
