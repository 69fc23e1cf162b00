import ArgumentParser
import Basics
import Foundation

/// A command that a first Ctrl-C or SIGTERM cancels, so that it gives its locks back, and a second ends at once.
protocol Interruptible: AsyncParsableCommand, Sendable {}

extension Interruptible {
    func runUntilInterrupted() async throws {
        let interrupts = Interrupts()
        let work = Task {
            var command = self
            try await command.run()
        }
        let watch = Task {
            for await count in interrupts.counts {
                guard count == 1 else { Foundation.exit(CommandStatus.interrupted.rawValue) }
                StandardError.write("interrupted: giving locks back; once more to end at once")
                work.cancel()
            }
        }
        defer { watch.cancel() }
        try await work.value
    }
}
