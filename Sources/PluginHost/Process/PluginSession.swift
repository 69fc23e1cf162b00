import Basics
import StepKit
import StorageKit
import Synchronization
import Threads

/// A plug-in opened for one system or store: its process is started at the first call, and anew when it has died.
final class PluginSession: Sendable {
    let program: PluginProgram
    /// The arguments of `open`, which is the first call of every process.
    private let opening: @Sendable () throws -> JSONValue
    private let log: @Sendable (PluginProcess.LogLine) -> Void
    /// What must be in no log.
    private let secrets: [String]
    private let threads: BlockingPool
    /// Where its process comes from and goes to, where another session may have it: for programs of ours, which are opened anew.
    private let idle: IdleProcesses?
    private let current = Mutex<PluginProcess?>(nil)

    init(
        _ program: PluginProgram, secrets: [String] = [], sharing idle: IdleProcesses? = nil,
        log: @escaping @Sendable (PluginProcess.LogLine) -> Void,
        opening: @escaping @Sendable () throws -> JSONValue
    ) {
        self.program = program
        self.secrets = secrets
        self.log = log
        self.opening = opening
        self.idle = idle
        threads = BlockingPool(label: "plugin-calls", width: program.callsAtOnce)
    }

    deinit { current.withLock { $0 }.map { idle?.park($0) } }

    /// The process, opened. Blocks.
    func running() throws -> PluginProcess {
        try current.withLock { current in
            if let current, current.isAlive { return current }
            let started: PluginProcess
            if let found = idle?.take(program) {
                found.hear(log)
                started = found
            } else {
                started = try PluginProcess(program, secrets: secrets, log: log)
            }
            _ = try started.call("open", try opening())
            current = started
            return started
        }
    }

    /// Runs blocking calls on a thread of the session's. With `stopping`, a cancelled task ends the process: for calls of which somebody asks
    /// afterwards what came of them.
    func run<Value: Sendable>(
        stopping: Bool = false, _ body: @escaping @Sendable (PluginProcess) throws -> Value
    ) async throws -> Value {
        try Task.checkCancellation()
        guard stopping else { return try await threads.run { [self] in try body(running()) } }
        let hold = Mutex<PluginProcess?>(nil)
        return try await withTaskCancellationHandler {
            do {
                return try await threads.run { [self] in
                    let process = try running()
                    hold.withLock { $0 = process }
                    return try body(process)
                }
            } catch {
                try Task.checkCancellation()
                throw error
            }
        } onCancel: {
            hold.withLock { $0 }?.kill()
        }
    }
}

extension PluginSession: SecretHolding {
    var shown: String { "plug-in \(program.name)" }
}
