public import Basics
public import FlowModel
public import StepKit
import Crypto

/// Text in, plans or diagnostics out. Pure: no file, no clock, no network.
public enum Compiler {
    /// Compiles every pipeline of a set of files; standalone systems and repositories in it can be named from each.
    /// All problems are reported at once. A pipeline with an error gives no plan.
    public static func compile(_ sources: [SourceText], catalog: Catalog) -> CompileResult {
        var reader = DocumentReader(catalog)
        for source in sources { reader.read(source) }
        var sink = reader.sink
        if reader.documents == 0, !sink.hasErrors, let source = sources.first {
            // A check of the wrong file must not be green.
            sink.error(
                "no-document", sources.count == 1 ? "there is no document in the file" : "there is no document in any of the files",
                expected: "a pipeline, a system or a repository", found: "nothing, or comments only",
                at: SourceMark(line: 1, column: 1), in: source)
        }
        var plans: [CompiledPlan] = []
        for document in reader.set.pipelines {
            var compiler = PipelineCompiler(document, reader.set, catalog, isReadWithErrors: reader.sink.hasErrors)
            let plan = compiler.compile()
            for located in compiler.findings.sorted(by: { $0.finding.mark < $1.finding.mark }) {
                sink.report(located.finding, in: located.source)
            }
            let isBroken = compiler.findings.contains { !$0.finding.isWarning }
            if let plan, !isBroken { plans.append(CompiledPlan(plan: plan, source: document.source.name)) }
        }
        return CompileResult(
            plans: sink.hasErrors ? [] : plans, diagnostics: inOrder(sink.diagnostics, of: sources), remainder: sink.remainder)
    }

    /// As the files are given and read: what one place has wrong stays together, whichever stage found it.
    private static func inOrder(_ diagnostics: [Diagnostic], of sources: [SourceText]) -> [Diagnostic] {
        let positions = Dictionary(sources.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        return diagnostics.enumerated().sorted { left, right in
            let (first, second) = (positions[left.element.source] ?? 0, positions[right.element.source] ?? 0)
            if first != second { return first < second }
            if left.element.mark != right.element.mark { return left.element.mark < right.element.mark }
            return left.offset < right.offset
        }.map(\.element)
    }
}

/// What a set of files came to.
public struct CompileResult: Sendable {
    /// In the order of the files; empty when there is an error.
    public var plans: [CompiledPlan]
    /// Errors and warnings, in the order of the files and of the places in them.
    public var diagnostics: [Diagnostic]
    /// How many are left out, in words; nil when none is.
    public var remainder: String?

    public var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }  // the first of them are always kept
}

/// A plan, its id, and the file that it came from.
public struct CompiledPlan: Sendable, Hashable {
    public var plan: Plan
    public var id: PlanID
    public var source: String

    public init(plan: Plan, source: String) {
        self.plan = plan
        self.source = source
        id = plan.id
    }
}
