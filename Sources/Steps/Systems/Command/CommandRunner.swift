import Basics
import Glibc
import StepKit
import Subprocess
import Synchronization
import SystemPackage

/// Starts programs for plug-ins: each in a session of its own, so that a terminal's Ctrl-C does not reach it, and so that it can be
/// ended with all its children when the step is stopped or its time is up.
struct CommandRunner: Sendable {
    let call: ProgramCall

    init(_ call: ProgramCall) { self.call = call }

    static let outputLimit = 64 << 10
    static let errorLimit = 8 << 10
    /// From the request to end to being killed.
    private static let grace = Duration.seconds(2)

    /// Runs the program to its end and keeps the beginning of its output. Any exit status is a result.
    func run(input: [UInt8] = []) async throws -> ProgramResult {
        try await bounded { pid in
            try await execute(input: .array(input), output: .sequence, pid) { execution in
                var output = BoundedText(first: Self.outputLimit)
                for try await buffer in execution.standardOutput { buffer.withUnsafeBytes { output.append($0) } }
                return output
            }
        }
    }

    /// Runs the program with an open file as its input. The file is not closed.
    func run(input file: FileDescriptor) async throws -> ProgramResult {
        try await bounded { pid in
            try await execute(input: .fileDescriptor(file, closeAfterSpawningProcess: false), output: .sequence, pid) { execution in
                var output = BoundedText(first: Self.outputLimit)
                for try await buffer in execution.standardOutput { buffer.withUnsafeBytes { output.append($0) } }
                return output
            }
        }
    }

    /// Runs the program with its output going to an open file, which is closed here once the program has it.
    func run(output file: FileDescriptor) async throws -> ProgramResult {
        try await bounded { pid in
            try await execute(input: .none, output: .fileDescriptor(file, closeAfterSpawningProcess: true), pid) { _ in
                BoundedText(first: 0)
            }
        }
    }

    // MARK: starting

    private func execute<Input: InputProtocol, Output: OutputProtocol>(
        input: Input, output: Output, _ pid: borrowing Mutex<pid_t>,
        _ read: @Sendable (Execution<Input, Output, SequenceOutput>) async throws -> BoundedText
    ) async throws -> ProgramResult {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: Self.grace)]
        let executable: Executable = call.program.contains("/") ? .path(FilePath(call.program)) : .name(call.program)
        let environment = Dictionary(uniqueKeysWithValues: call.environment.map { (Environment.Key(rawValue: $0.key), $0.value) })
        let configuration = Configuration(
            executable: executable, arguments: Arguments(Array(call.arguments.dropFirst())),
            environment: .custom(environment.reduce(into: [:]) { if let key = $1.key { $0[key] = $1.value } }),
            workingDirectory: FilePath(call.workingFolder), platformOptions: options)
        do {
            let result = try await Subprocess.run(configuration, input: input, output: output, error: .sequence) { execution in
                pid.withLock { $0 = execution.processIdentifier.value }
                async let errors = Self.tail(of: execution)
                let output = try await read(execution)
                return (output: output, errors: try await errors)
            }
            let ending: ProgramResult.Ending =
                switch result.terminationStatus {
                case .exited(let status): .exited(Int(status))
                case .signaled(let signal): .signaled(Int(signal))
                }
            return ProgramResult(
                ending: ending, output: call.redacted(result.closureResult.output.text), outputIsCut: result.closureResult.output.isCut,
                errors: call.redacted(result.closureResult.errors.text))
        } catch let error as SubprocessError {
            throw explained(error)
        }
    }

    private static func tail<Input, Output>(of execution: Execution<Input, Output, SequenceOutput>) async throws -> BoundedText {
        var errors = BoundedText(last: errorLimit)
        for try await buffer in execution.standardError { buffer.withUnsafeBytes { errors.append($0) } }
        return errors
    }

    // MARK: ending

    /// Ends the program, and whatever it started, when the task is cancelled or the time is up.
    private func bounded(_ body: @escaping @Sendable (borrowing Mutex<pid_t>) async throws -> ProgramResult) async throws -> ProgramResult {
        let process = StartedProcess()
        let task = Task { try await body(process.pid) }
        let alarm = call.timeout.map { timeout in
            Task {
                try await Task.sleep(for: timeout.duration)
                task.cancel()
            }
        }
        let result = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            task.cancel()
        }
        alarm?.cancel()
        guard task.isCancelled else { return try result.get() }
        process.killOrphans()
        try Task.checkCancellation()
        throw StepError(
            .timedOut, expected: "\(call.program) to end within \(call.timeout?.description ?? "its time")", found: "it was ended by force",
            at: call.origin, advice: "raise its `timeout` if it needs longer", retry: .transient)
    }

    private func explained(_ error: SubprocessError) -> StepError {
        switch error.code {
        case .executableNotFound:
            StepError(
                .programMissing, expected: "the program \(call.program)", found: "no such program", at: call.origin,
                advice: "install it on the worker's host, or write its whole path")
        case .failedToChangeWorkingDirectory:
            StepError(
                .commandFailed, expected: "the working folder \(call.workingFolder)", found: "a folder that can't be entered",
                at: call.origin,
                advice: "make the folder, or correct `workingFolder`")
        case .spawnFailed:
            StepError(
                .commandFailed, expected: "\(call.program) to start", found: "\(error)", at: call.origin,
                advice: "check that it is executable by the worker's user")
        default: StepError(.commandFailed, expected: "\(call.program) to run", found: "\(error)", at: call.origin, retry: .transient)
        }
    }
}

/// The process of a call, once it runs.
private final class StartedProcess: Sendable {
    let pid = Mutex<pid_t>(0)

    /// Kills what is left of the process's group. While a process of that id lives, it is no longer ours: a group's id is given
    /// to a new process only when the group is empty.
    func killOrphans() {
        let pid = pid.withLock { $0 }
        guard pid > 0, kill(pid, 0) != 0, errno == ESRCH else { return }
        kill(-pid, SIGKILL)
    }
}
