public import Basics
public import FlowModel
public import PipelineDSL
public import StepKit
import WorkflowEngine

/// A job before it is one: a plan with its parameters, as it would run. Made without a database.
public struct PreparedJob: Sendable {
    /// As this job runs it: fan-outs over parameters expanded, systems and repositories resolved.
    public let plan: Plan
    /// Every parameter, defaults filled in.
    public let parameters: [String: JSONValue]

    /// Throws where a parameter is missing, unknown or of another type, or where an expression over parameters fails.
    public init(_ plan: Plan, parameters given: [String: JSONValue], catalog: Catalog) throws(Explanation) {
        let definition = try JobDefinition.instantiate(plan, parameters: given, catalog: catalog)
        self.plan = definition.applied(to: plan)
        parameters = definition.parameters
    }

    /// Of the one pipeline in the documents, or of that with the name. Throws `DocumentRefusal`, and as above.
    public init(_ documents: [SourceText], pipeline: String? = nil, parameters given: [String: JSONValue], catalog: Catalog) throws {
        let result = Compiler.compile(documents, catalog: catalog)
        guard !result.hasErrors else { throw DocumentRefusal(result.diagnostics) }
        let names = result.plans.map(\.plan.pipeline).joined(separator: ", ")
        let meant = pipeline.map { name in result.plans.filter { $0.plan.pipeline == name } } ?? result.plans
        guard meant.count == 1, let compiled = meant.first else {
            throw Explanation(
                .invalid, expected: pipeline.map { "a pipeline named \($0)" } ?? "one pipeline", found: names.isEmpty ? "none" : names,
                at: "documents", advice: meant.count > 1 ? "say which pipeline is meant" : "")
        }
        try self.init(compiled.plan, parameters: given, catalog: catalog)
    }
}
