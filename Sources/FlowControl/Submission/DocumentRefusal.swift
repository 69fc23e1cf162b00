public import Basics
import FlowModel
public import PipelineDSL

/// Documents that do not compile, with every problem of theirs.
public struct DocumentRefusal: ExplainedError {
    public var explanation: Explanation
    /// Errors and warnings, in the order of the documents.
    public let diagnostics: [Diagnostic]

    init(_ diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics
        let errors = diagnostics.filter { $0.severity == .error }
        let first = errors.first
        explanation = Explanation(
            .invalid, expected: "documents without errors",
            found: errors.count.counted("error") + (first.map { ", the first: \($0.message)" } ?? ""),
            at: first.map { "\($0.source):\($0.mark.line):\($0.mark.column)" } ?? "documents", advice: first?.hint ?? "")
    }
}
