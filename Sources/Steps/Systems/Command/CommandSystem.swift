import Basics
import StepKit
import StorageKit

/// An opened `command` system: its programs, ready to be called.
struct CommandSystem: System {
    let settings: Settings
    /// Without the type's name.
    let identity: String

    /// `/command/<identity>`; a slash in the identity would make folders of it.
    var logicalPath: TreePath { TreePath([FileName("command"), FileName(identity.replacing("/", with: "_"))]) }

    func call(_ program: Setting<[String]>, _ context: StepContext, variables: [String: String] = [:]) throws(StepError) -> ProgramCall {
        try call(try declared(program), context, variables: variables)
    }

    func declared<Value>(_ setting: Setting<Value>) throws(StepError) -> Value {
        if let value = try settings.optional(setting) { return value }
        throw StepError(
            .invalidSetting, expected: "`\(setting.name):` \(setting.summary)", found: "nothing", at: settings.origin,
            advice: "add `\(setting.name): [PROGRAM, ARGUMENT, ...]`")
    }

    /// The call of a stream's program, which finds the stream's name in its environment.
    func call(
        _ arguments: [String], stream: String, isOneOfSeveral: Bool, _ context: StepContext, variables: [String: String] = [:]
    ) throws(StepError) -> ProgramCall {
        var call = try call(arguments, context, variables: variables)
        call.environment["SNAPPY_FLOW_STREAM"] = stream
        if isOneOfSeveral { call.origin += ", stream \(stream)" }
        return call
    }

    func call(_ arguments: [String], _ context: StepContext, variables: [String: String] = [:]) throws(StepError) -> ProgramCall {
        var call = try ProgramCall(
            arguments, shell: try settings.value(CommandType.shell), environment: try settings.value(CommandType.environment),
            workingFolder: try settings.optional(CommandType.workingFolder), timeout: try settings.optional(CommandType.timeout),
            origin: settings.origin, context)
        call.environment.merge(variables) { _, new in new }
        return call
    }
}

extension CommandSystem: Quiescing {
    var quiesceKind: QuiesceKind { .recorded }

    func quiesce(key: String, maxHold: TimeSpan, _ context: StepContext) async throws -> [String: JSONValue] {
        let call = try call(
            CommandType.quiesce, context,
            variables: ["SNAPPY_FLOW_KEY": key, "SNAPPY_FLOW_MAX_HOLD": String(maxHold.milliseconds / 1000)])
        let result = try await CommandRunner(call).run()
        try result.require(of: call)
        return ["stdout": .string(result.output)]
    }

    func thaw(key: String, state: [String: JSONValue], _ context: StepContext) async throws -> [String: JSONValue] {
        try await OrphanedQuiesce(key: key).end(origin: settings.origin)
        let call = try call(
            CommandType.thaw, context,
            variables: ["SNAPPY_FLOW_KEY": key, "SNAPPY_FLOW_QUIESCE_OUTPUT": state["stdout"]?.stringValue ?? ""])
        let result = try await CommandRunner(call).run()
        try result.require(of: call)
        return ["stdout": .string(result.output)]
    }
}

extension CommandSystem: TreeSource {
    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        let stream = OutputTree(
            calls: try sources(context), logicalPath: logicalPath, readsAtOnce: try settings.value(CommandType.parallel),
            onFailure: StreamFailure(rawValue: try settings.value(CommandType.onFailedStream)) ?? .fail)
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(
                try await withTaskCancellationHandler {
                    try await body(stream)
                } onCancel: {
                    stream.stop()
                })
        } catch {
            outcome = .failure(error)
        }
        await stream.end()
        return try outcome.get()
    }
}

extension CommandSystem {
    /// The file of a source that is one program.
    static let onlyStream = "stdout"

    private func sources(_ context: StepContext) throws(StepError) -> [FileName: ProgramCall] {
        switch try declared(CommandType.source) {
        case .one(let arguments):
            return [FileName(Self.onlyStream): try call(arguments, stream: Self.onlyStream, isOneOfSeveral: false, context)]
        case .named(let streams):
            var calls: [FileName: ProgramCall] = [:]
            for (name, arguments) in streams {
                calls[FileName(name)] = try call(arguments, stream: name, isOneOfSeveral: true, context)
            }
            return calls
        }
    }
}

extension CommandSystem: TreeDestination {
    func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        let destination = try DestinationPrograms(self, overwrite: overwrite, context)
        let spool = InputSpool(folder: context.scratchFolder, streams: destination.streams, origin: settings.origin)
        let result = try await body(spool)
        try await destination.feed(try spool.wholeFiles())
        return result
    }
}

extension CommandSystem: Verifying {
    static let checkArguments = Setting<[String]>("argv", "The program; by default, the system's own `check`", type: .argv)

    func check(_ settings: Settings, _ context: StepContext) async throws -> [String: JSONValue] {
        let own = try settings.optional(Self.checkArguments)
        let call = if let own { try call(own, context) } else { try call(CommandType.check, context) }
        let result = try await CommandRunner(call).run()
        try result.require(of: call, kind: .verification)
        return ["stdout": .string(result.output)]
    }
}
