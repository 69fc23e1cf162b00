import FlowModel
import Basics
import StepKit

/// Runs a program.
struct Exec: Verb {
    let declaration = VerbDeclaration(
        name: "exec", summary: "Run a program; no shell takes part", subject: .none,
        schema: SettingsSchema([
            Self.argv.field, Self.stdin.field, Self.environment.field, Self.expectExit.field, Self.workingFolder.field, Self.instant.field,
        ]), workClass: .backup, windowRole: .instantWhenDeclared,
        outputs: ["exit": "Its exit status", "stdout": "Its output, up to 64 KiB", "truncated": "True if there was more"])

    static let argv = Setting<[String]>.required("argv", "The program and its arguments", type: .argv)
    static let stdin = Setting<String>("stdin", "The program's standard input", default: "")
    static let environment = Setting<[String: EnvironmentValue]>(
        "environment", "Environment variables for the program; values may be secret references", default: [:])
    static let expectExit = Setting<[Int]>(
        "expectExit", "The exit statuses that count as success", default: [0], type: .list(.integer(0...255)))
    static let workingFolder = Setting<String>("workingFolder", "The program's working folder; by default, /", type: .path)
    static let instant = Setting<Bool>("instant", "True: quick enough to run inside a window; requires a timeout", default: false)

    func run(_ context: StepContext) async throws -> StepResult {
        let settings = context.settings
        let call = try ProgramCall(
            try settings.value(Self.argv), environment: try settings.value(Self.environment),
            workingFolder: try settings.optional(Self.workingFolder),
            origin: settings.origin, context)
        try context.recorder.ensureHeld()
        let result = try await CommandRunner(call).run(input: Array(try settings.value(Self.stdin).utf8))
        for line in result.errors.split(separator: "\n").suffix(20) { context.recorder.log(.info, String(line)) }
        try result.require(try settings.value(Self.expectExit), of: call)
        var outputs: [String: JSONValue] = ["stdout": .string(result.output), "truncated": .bool(result.outputIsCut)]
        if case .exited(let status) = result.ending { outputs["exit"] = .int(Int64(status)) }
        return StepResult(outputs: outputs)
    }
}
