import FlowModel
import ArgumentParser
import Basics
import PipelineDSL
import StepKit
import Steps

struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Checks documents and shows every problem and where it is. Touches nothing.")
    @OptionGroup var documents: PipelineOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        if output.output != .table {
            let sources = try DocumentFiles(paths: documents.files).read().map { SourceText(name: $0.path, bytes: $0.bytes) }
            let result = Compiler.compile(sources, catalog: Composition.catalog)
            let value = DiagnosticRendering.json(result.diagnostics)
            print(output.output == .json ? value.prettyText : value.yamlText)
            if let remainder = result.remainder { StandardError.write(lines: remainder) }
            if result.hasErrors { throw CommandFailure(.usage) }
            return
        }
        for plan in try documents.compile() {
            print("\(plan.plan.pipeline): valid, \(plan.plan.steps.count.counted("step")), plan \(plan.id.rawValue.prefix(12))")
        }
    }
}

struct PlanCommand: ParsableCommand {
    enum Form: String, ExpressibleByArgument, CaseIterable { case tree, mermaid, dot, json }

    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows what a pipeline compiles into: steps, windows, and what is undone whatever happens.")
    @OptionGroup var documents: PipelineOptions
    @Option(help: "How to show it: tree, mermaid, dot or json.") var form: Form = .tree

    func run() throws {
        let plans = try documents.compile()
        let chosen = documents.pipeline == nil ? plans : [try PipelineOptions.one(of: plans, named: documents.pipeline)]
        for plan in chosen {
            switch form {
            case .tree: print(PlanRendering.tree(plan.plan, id: plan.id))
            case .mermaid: print(PlanRendering.mermaid(plan.plan))
            case .dot: print(PlanRendering.dot(plan.plan))
            case .json: print(PlanRendering.json(plan.plan, id: plan.id).printableJSON)
            }
        }
    }
}

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Prints the JSON Schema of documents, for editors and checkers.")
    @Argument(help: "Pipeline, System, Repository, or the name of a plug-in or verb; by default, any document.") var name: String?

    func run() throws {
        guard let schema = DocumentSchema.schema(of: name, catalog: Composition.catalog) else {
            throw CommandFailure(
                .usage, "error: expected one of \(DocumentSchema.names(.standard).joined(separator: ", ")), found \(name ?? "")")
        }
        print(schema.prettyText)
    }
}
