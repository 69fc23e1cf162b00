public import StepKit
import Basics
import Foundation

/// A small process that thaws what its worker froze: when the hold has passed by its own monotonic clock, when the worker is gone, or when
/// told. It needs no database.
public enum FreezeGuard {
    /// The body of the hidden subcommand `guard`. Returns the exit status: 0 when nothing is frozen any more.
    public static func main(catalog: Catalog, secrets: any SecretResolver) async -> Int32 {
        // A worker that was killed can't read what we say.
        signal(SIGPIPE, SIG_IGN)
        let lines = GuardInput.lines()
        var iterator = lines.makeAsyncIterator()
        guard let first = await iterator.next(), let order = try? JSONDecoder().decode(GuardOrder.self, from: Data(first.utf8)) else {
            return 64
        }
        let thawer = GuardThawer(order: order, catalog: catalog, secrets: secrets)
        guard thawer.canThaw else { return 65 }
        GuardOutput.say(GuardReport(event: .ready, process: ProcessInfo.processInfo.processIdentifier, at: GuardOutput.now))
        return await watch(thawer, lines: lines, until: ContinuousClock.now + order.hold.duration)
    }

    private enum Happening: Sendable {
        case command(GuardCommand)
        case workerGone
        case holdPassed
    }

    /// Ends when disarmed, or when the worker is gone and everything is thawed. After a thaw while the freeze was still under way it
    /// goes on: what lands later, by a call that a dead worker left on its way, is thawed too. Whoever undoes the freeze in the
    /// regular way ends it (`FormerGuards`).
    private static func watch(_ thawer: GuardThawer, lines: AsyncStream<String>, until end: ContinuousClock.Instant) async -> Int32 {
        let (happenings, continuation) = AsyncStream.makeStream(of: Happening.self)
        let alarm = Task {
            try await Task.sleep(until: end, clock: .continuous)
            continuation.yield(.holdPassed)
        }
        Task {
            for await line in lines {
                if let command = try? JSONDecoder().decode(GuardCommand.self, from: Data(line.utf8)) {
                    continuation.yield(.command(command))
                }
            }
            continuation.yield(.workerGone)
        }
        var state = thawer.order.state
        var isSettled = false
        for await happening in happenings {
            switch happening {
            case .command(.state(let new)): state = new
            case .command(.settled): isSettled = true
            case .command(.disarm): return 0
            case .command(.thaw):
                alarm.cancel()
                await thawer.thaw(state, .told)
            case .holdPassed: await thawer.thaw(state, .holdPassed)
            case .workerGone:
                await thawer.thaw(state, .workerGone)
                guard !isSettled else { return 0 }
                try? await Task.sleep(until: max(end, .now + thawer.order.hold.duration), clock: .continuous)
                await thawer.thaw(state, .workerGone)
                return 0
            }
        }
        return 0
    }
}

/// Standard input, read by a thread of its own.
private enum GuardInput {
    static func lines() -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        Thread.detachNewThread {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
        return stream
    }
}

enum GuardOutput {
    static var now: Int64 { Int64(Date().timeIntervalSince1970) }

    static func say(_ report: GuardReport) {
        guard let bytes = try? JSONValue(encoding: report).canonicalBytes else { return }
        try? FileHandle.standardOutput.write(contentsOf: Data(bytes + [UInt8(ascii: "\n")]))
    }
}
