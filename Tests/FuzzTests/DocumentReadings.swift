import Basics
import Crypto
import Expressions
import FlowModel

@testable import PipelineDSL

/// Text that people and programs write.
enum DocumentReadings {
    static func json(_ input: [UInt8]) throws {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: input)
        } catch is DecodingError {
            return
        }
        let text = value.canonicalBytes
        let again = try JSONValue(parsing: text)
        try FuzzFailure.require(again == value && again.canonicalBytes == text, "its canonical text is read as another value")
    }

    /// A whole document: each diagnostic has a place and can be shown, and errors leave no plan.
    static func yaml(_ input: [UInt8]) throws {
        let source = SourceText(name: "input.yaml", bytes: input)
        let result = Compiler.compile([source], catalog: .paper)
        try FuzzFailure.require(!result.hasErrors || result.plans.isEmpty, "a plan in spite of errors")
        let arePlaced = result.diagnostics.allSatisfy { $0.mark.line >= 1 && $0.mark.column >= 1 && !$0.message.isEmpty }
        try FuzzFailure.require(arePlaced, "a diagnostic without a place")
        let text = DiagnosticRendering.text(result.diagnostics)
        let steers = text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" && $0 != "\t" }
        try FuzzFailure.require(!steers, "a diagnostic steers terminals")
        _ = DiagnosticRendering.json(result.diagnostics).canonicalBytes
        for compiled in result.plans {
            let plan = try JSONValue(parsing: compiled.plan.canonicalBytes).decoded(as: Plan.self)
            try FuzzFailure.require(plan == compiled.plan, "a plan that is stored comes back as another")
            _ = PlanRendering.tree(plan, id: compiled.id)
            _ = PlanRendering.mermaid(plan)
            _ = PlanRendering.dot(plan)
            do {
                _ = try JobDefinition.instantiate(plan, parameters: [:], catalog: .paper)
            } catch {
                // A parameter without a default, or of the wrong type.
            }
        }
    }

    private static let scope = ExpressionScope(
        parameters: [
            "full": true, "count": 3, "share": .double(0.5), "hosts": ["a", "b"], "site": ["name": "nyc", "racks": [1, 2]], "nothing": nil,
        ],
        outputs: ["copy-home": ["snapshotID": "abc", "bytes": 9_007_199_254_740_993]],
        job: ["id": "j1", "createdAt": "2026-01-01T00:00:00Z"], pipeline: ["name": "nightly", "labels": ["tier": "web"]],
        item: ["name": "web1"])

    /// Evaluates it as a setting and as a condition: equal inputs give equal values.
    static func expression(_ input: [UInt8]) throws {
        let text = String(decoding: input, as: UTF8.self)
        do {
            _ = try ExpressionTemplate(parsing: text).references
        } catch {
            // What can't be read can't be evaluated either.
        }
        try same { () throws(Explanation) in try ExpressionEvaluator.resolve(.string(text), in: scope) }
        try same { () throws(Explanation) in .bool(try ExpressionEvaluator.isTrue(text, in: scope)) }
    }

    private static func same(_ evaluate: () throws(Explanation) -> JSONValue) throws {
        let value: JSONValue
        do {
            value = try evaluate()
        } catch {
            return
        }
        try FuzzFailure.require((try? evaluate()) == value, "another value the second time")
        _ = value.canonicalBytes
    }
}
