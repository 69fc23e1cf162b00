/// What a pipeline may be at most: far above any real one, and low enough that whatever the compiler does with it ends soon. What a job
/// fans out to is bounded where it is known.
enum PlanLimits {
    /// Steps as written and as the compiler inserts them.
    static let steps = 2000
    /// Of one step on another: two `parallel:` blocks after each other have one for each pair.
    static let dependencies = 25_000
}

extension PipelineCompiler {
    /// False, with a finding, when there is more than the limits allow.
    mutating func isWithinLimits() -> Bool {
        let dependencies = drafts.reduce(0) { $0 + $1.needs.count }
        for (what, count, limit, hint) in [
            ("steps", drafts.count, PlanLimits.steps, "make several pipelines of it, or use `forEach:`"),
            ("dependencies", dependencies, PlanLimits.dependencies, "put one step between large `parallel:` blocks"),
        ] where count > limit {
            report(
                Finding(
                    "too-large", "the pipeline has too many \(what)", expected: "at most \(limit)", found: "\(count)", hint: hint,
                    at: drafts.first?.mark ?? SourceMark(line: 1, column: 1)))
            return false
        }
        return true
    }
}
