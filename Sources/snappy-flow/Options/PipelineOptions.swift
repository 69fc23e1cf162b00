import ArgumentParser
import Basics
import FlowModel
import PipelineDSL
import StepKit
import Steps

/// The documents of a command, the pipeline among them that is meant, and its parameters.
struct PipelineOptions: ParsableArguments {
    @Argument(help: "Files or folders with pipelines, systems and repositories; - reads standard input.")
    var files: [String]

    @Option(name: .long, help: "The pipeline to use, if the documents contain several.")
    var pipeline: String?

    func validate() throws {
        if files.isEmpty { throw ValidationError("expected at least one file or folder") }
    }

    /// Compiles everything; prints warnings, and ends with every error when there are any.
    func compile() throws -> [CompiledPlan] { try Self.compile(files) }

    /// `warns`: false where the document only says where a repository is.
    static func compile(_ files: [String], warns: Bool = true) throws -> [CompiledPlan] {
        let sources = try DocumentFiles(paths: files).read().map { SourceText(name: $0.path, bytes: $0.bytes) }
        let result = Compiler.compile(sources, catalog: Composition.catalog)
        let text = DiagnosticRendering.text(result.diagnostics, colour: Terminal().hasColour)
        let remainder = result.remainder.map { "\n\n\($0)" } ?? ""
        guard !result.hasErrors else {
            let errors = result.diagnostics.count(where: { $0.severity == .error })
            throw CommandFailure(.usage, text + remainder + "\n\n\(errors.counted("error")); nothing was done")
        }
        if !text.isEmpty, warns { StandardError.write(lines: text + remainder) }
        return result.plans
    }

    /// The one pipeline that is meant.
    func compileOne() throws -> CompiledPlan { try Self.one(of: compile(), named: pipeline) }

    static func one(of plans: [CompiledPlan], named name: String?) throws -> CompiledPlan {
        let names = plans.map(\.plan.pipeline).joined(separator: ", ")
        if let name {
            guard let plan = plans.first(where: { $0.plan.pipeline == name }) else {
                throw CommandFailure(.usage, "error: expected a pipeline named \(name), found \(names.isEmpty ? "none" : names)")
            }
            return plan
        }
        guard plans.count == 1, let plan = plans.first else {
            throw CommandFailure(
                .usage,
                "error: expected one pipeline, found \(plans.isEmpty ? "none" : names)"
                    + (plans.count > 1 ? "; choose with --pipeline NAME" : ""))
        }
        return plan
    }
}

/// Values for a pipeline's parameters.
struct ParameterOptions: ParsableArguments {
    @Option(
        name: [.customShort("p"), .long], help: "A parameter, as NAME=VALUE; lists, numbers, true and false as in JSON. May be repeated.")
    var parameter: [String] = []

    /// JSON where it is JSON and the parameter is no text, else the text.
    func values(for plan: Plan) throws -> [String: JSONValue] {
        var values: [String: JSONValue] = [:]
        for text in parameter {
            guard let equals = text.firstIndex(of: "=") else {
                throw CommandFailure(.usage, "error: --parameter \(text): expected NAME=VALUE")
            }
            let name = String(text[..<equals])
            let value = String(text[equals...].dropFirst())
            let isText = plan.parameters[name]?.type == "string"
            values[name] = isText ? .string(value) : (try? JSONValue(parsing: value.utf8)) ?? .string(value)
        }
        return values
    }
}
