import Basics
import Foundation
import PostgreSQL
import Rigs
import Synchronization
import Testing

@testable import WorkflowEngine

/// A worker in a process of its own, to be killed, stopped and continued.
final class WorkerProcess: Sendable {
    private let process: Mutex<Process>
    let id: Int32

    /// Starts it and returns when it is registered.
    static func start(_ hand: ServicesHand, lease: TimeSpan = .seconds(1), host: String = "host1") async throws -> WorkerProcess {
        let order: JSONValue = [
            "socketFolder": .string(hand.settings.host ?? ""), "user": .string(hand.settings.user ?? ""),
            "database": .string(hand.settings.database ?? ""), "schema": .string(hand.settings.searchPath ?? ""),
            "folder": .string(hand.folder),
            "lease": .int(lease.milliseconds), "host": .string(host),
        ]
        let process = Process()
        process.executableURL = URL(fileURLWithPath: ServicesHand.program)
        process.arguments = ["worker", order.canonicalText]
        let output = Pipe()
        process.standardOutput = output
        let log = hand.folder + "/worker-\(UUID().uuidString.prefix(4)).log"
        try Data().write(to: URL(fileURLWithPath: log))
        process.standardError = FileHandle(forWritingAtPath: log)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let worker = WorkerProcess(process)
        let lines = output.fileHandleForReading
        _ = await Task.detached { lines.availableData }.value
        return worker
    }

    private init(_ process: sending Process) {
        id = process.processIdentifier
        self.process = Mutex(process)
    }

    deinit { send(SIGKILL) }

    func send(_ signal: Int32) {
        process.withLock { if $0.isRunning { kill(id, signal) } }
    }

    var isRunning: Bool { process.withLock { $0.isRunning } }
    var exitStatus: Int32 { process.withLock { $0.terminationStatus } }

    /// Kills it as a crash would, and returns when it is gone.
    func crash() async throws {
        send(SIGKILL)
        try await eventually("the worker is gone") { !self.isRunning }
    }
}
