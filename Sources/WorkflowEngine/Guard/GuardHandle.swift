import FlowModel
import Basics
import Foundation
import StepKit
import Subprocess
import Synchronization

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// The worker's end of a guard. When this process dies the pipe closes and the guard thaws.
final class GuardHandle: Sendable {
    private let commands: AsyncStream<GuardCommand>.Continuation
    private let reports: AsyncStream<GuardReport>.Continuation
    private let child: Task<Void, Never>
    private let end = Mutex<End?>(nil)

    private let identity = Mutex<ProcessIdentity?>(nil)

    /// The guard's process.
    var process: pid_t? { identity.withLock { $0?.number } }

    /// True when the process has ended, though nobody may have noticed yet.
    var isGone: Bool { identity.withLock { $0?.isDead } ?? false }

    /// What ended the watch before it was disarmed.
    enum End: Sendable, Hashable {
        case thawed(GuardReport.Reason)
        /// The process is gone: nobody would thaw any more.
        case died
        case disarmed
    }

    /// How the watch ended, if it did.
    var hasEnded: End? { end.withLock { $0 } }

    /// Starts a guard and returns when it says that it watches. Throws when it can't be started: nothing may be frozen then.
    static func start(_ order: GuardOrder, command: [String], onEnd: @escaping @Sendable (End) -> Void) async throws
        -> GuardHandle
    {
        let (reports, continuation) = AsyncStream.makeStream(of: GuardReport.self)
        let handle = GuardHandle(order, command: command, reports: continuation)
        var iterator = reports.makeAsyncIterator()
        guard let ready = await iterator.next(), ready.event == .ready else {
            throw StepError(
                .guardFailed, expected: "a process that would thaw if this one died",
                found: "it did not start: \(command.joined(separator: " "))",
                at: "step \(order.step.id)", advice: "nothing was frozen; free memory and processes, then retry", retry: .transient)
        }
        handle.identity.withLock { $0 = ready.process.flatMap { ProcessIdentity(of: $0) } }
        Task { [weak handle] in
            for await report in reports where report.event == .thawed { handle?.note(.thawed(report.reason ?? .told), onEnd) }
            handle?.note(.died, onEnd)
        }
        return handle
    }

    private init(_ order: GuardOrder, command: [String], reports: AsyncStream<GuardReport>.Continuation) {
        let (stream, continuation) = AsyncStream.makeStream(of: GuardCommand.self)
        commands = continuation
        self.reports = reports
        child = Task.detached {
            do { try await Self.supervise(order, command, stream, reports) } catch {}
            reports.finish()
        }
    }

    /// Nobody waits for the thaw any more: the guard sees the end of its input, thaws, and ends.
    deinit { commands.finish() }

    /// The first end counts.
    private func note(_ new: End, _ onEnd: @Sendable (End) -> Void) {
        let isFirst = end.withLock { end in
            defer { end = end ?? new }
            return end == nil
        }
        if isFirst { onEnd(new) }
    }

    /// Tells what the undo needs to know.
    func record(_ state: [String: JSONValue]) { commands.yield(.state(state)) }

    /// Tells that no freeze is under way any more.
    func settle() { commands.yield(.settled) }

    func thawNow() { commands.yield(.thaw) }

    /// Ends the guard without a thaw, after the regular one.
    func disarm() async {
        note(.disarmed) { _ in }
        commands.yield(.disarm)
        commands.finish()
        await child.value
    }

    private static func supervise(
        _ order: GuardOrder, _ command: [String], _ commands: AsyncStream<GuardCommand>, _ reports: AsyncStream<GuardReport>.Continuation
    ) async throws {
        var options = PlatformOptions()
        // Out of the terminal's reach: Ctrl-C is for the worker.
        options.createSession = true
        _ = try await Subprocess.run(
            .path(FilePath(command.first ?? "")), arguments: Arguments(Array(command.dropFirst())), platformOptions: options,
            input: .inputWriter,
            output: .sequence, error: .discarded
        ) { execution in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for try await line in execution.standardOutput.strings() {
                        if let report = try? JSONDecoder().decode(GuardReport.self, from: Data(line.utf8)) { reports.yield(report) }
                    }
                    reports.finish()
                }
                let writer = execution.standardInputWriter
                try await write(order, to: writer)
                for await command in commands { try await write(command, to: writer) }
                try await writer.finish()
                try await group.waitForAll()
            }
        }
    }

    private static func write(_ value: some Encodable, to writer: StandardInputWriter) async throws {
        _ = try await writer.write(JSONValue(encoding: value).canonicalBytes + [UInt8(ascii: "\n")])
    }
}
