import Basics
import FlowModel
import StepKit

/// Makes one pipeline into a plan, stage after stage; each stage has a file of its own.
struct PipelineCompiler {
    struct LocatedFinding {
        var finding: Finding
        var source: SourceText
    }

    let document: PipelineDocument
    let set: DocumentSet
    let catalog: Catalog
    var findings: [LocatedFinding] = []
    var drafts: [Draft] = []
    var windows: [PlannedWindow] = []
    var systems: [String: PlannedSystem] = [:]
    var repositories: [String: PlannedRepository] = [:]

    /// Those that an expression names.
    var usedParameters: Set<String> = []

    /// Something of the document could not be read: what is missing may be in there.
    let isReadWithErrors: Bool

    init(_ document: PipelineDocument, _ set: DocumentSet, _ catalog: Catalog, isReadWithErrors: Bool) {
        self.document = document
        self.set = set
        self.catalog = catalog
        self.isReadWithErrors = isReadWithErrors
    }

    /// Nil when there is no graph to make a plan of; what is wrong is in `findings`.
    mutating func compile() -> Plan? {
        resolveDeclarations()
        makeDrafts()
        guard isWithinLimits() else { return nil }
        insertCompensations()
        resolveOrder()
        guard isWithinLimits() else { return nil }
        resolveSubjects()
        checkSettings()
        checkExpressions()
        guard !drafts.isEmpty, !reportCycle() else { return nil }
        chooseSnapshots()
        chooseViews()
        insertAttachments()
        guard formWindows(), !reportCycle() else { return nil }
        guardCompensations()
        guard !reportCycle() else { return nil }
        checkSubjects()
        fillNeeds()
        if !isReadWithErrors { warnOfUnused() }
        return plan()
    }

    mutating func report(_ finding: Finding) { findings.append(LocatedFinding(finding: finding, source: document.source)) }

    func declaredSystem(_ name: String) -> DeclaredSystem? { document.systems[name] ?? set.systems[name] }
    func declaredRepository(_ name: String) -> DeclaredRepository? { document.repositories[name] ?? set.repositories[name] }

    private mutating func reportCycle() -> Bool {
        guard let cycle = StepGraph(drafts).cycle(), let first = cycle.first else { return false }
        // Read in the order in which they would run.
        let path = ([first] + cycle.dropFirst().reversed() + [first]).map { drafts[$0].id.rawValue }.joined(separator: " -> ")
        report(
            Finding(
                "cycle", "these steps wait for each other", expected: "an order in which each can run", found: path,
                hint: "change an `after:`, or remove a reference to an output of a later step", at: drafts[first].mark))
        return true
    }

    private func plan() -> Plan {
        let order = StepGraph(drafts).order { drafts[$0].isCompensation }
        let steps = order.map { index in
            var step = drafts[index].planned
            step.after = drafts[index].needs.map { Dependency(step: drafts[$0.key].id, reason: $0.value) }.sorted { $0.step < $1.step }
            return step
        }
        return Plan(
            pipeline: document.name, labels: document.labels, parameters: document.parameters, systems: systems, repositories: repositories,
            limits: document.limits, steps: steps, windows: windows, schedule: document.schedule, objectives: document.objectives,
            blackouts: document.blackouts, hooks: document.hooks)
    }
}
