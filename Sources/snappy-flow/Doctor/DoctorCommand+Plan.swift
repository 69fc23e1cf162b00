import Basics
import FlowModel
import Foundation
import StepKit
import Steps
import WorkflowEngine

extension DoctorCommand {
    /// Returns what the systems hold of steps'.
    func checkPlan(_ plan: Plan, _ ledger: HoldingLedger?, _ report: inout DoctorReport) async -> [FoundHolding] {
        report.title("Pipeline \(plan.pipeline)")
        let secrets = EnvironmentSecrets()
        for reference in Set(plan.steps.flatMap(\.secrets)).sorted(by: { $0.description < $1.description }) {
            if let problem = secrets.problem(with: reference) {
                report.bad("secret \(reference): expected \(problem.expected), found \(problem.found)", do: problem.advice)
            } else if let exposure = SecretExposure(of: reference) {
                report.warning("secret \(reference): \(exposure.words)", do: exposure.remedy)
            } else {
                report.good("secret \(reference)")
            }
        }
        let machine = Machine()
        for program in PlannedPrograms(plan).all where !machine.has(.program(program.path, package: nil)) {
            report.bad(
                "\(program.origin): the program \(program.path) is not there, or can't be run", do: "install it, or correct the document")
        }
        var found: [FoundHolding] = []
        for (name, planned) in plan.systems.sorted(by: { $0.key < $1.key }) {
            found += await checkSystem(name, planned, plan, machine, ledger, &report)
        }
        for (name, planned) in plan.repositories.sorted(by: { $0.key < $1.key }) {
            await checkRepository(name, planned, plan, machine, &report)
        }
        return found
    }

    /// A system that can list what there is answers by doing so; of the others it is looked at what they are opened with.
    private func checkSystem(
        _ name: String, _ planned: PlannedSystem, _ plan: Plan, _ machine: Machine, _ ledger: HoldingLedger?, _ report: inout DoctorReport
    ) async -> [FoundHolding] {
        guard let type = Composition.catalog.system(planned.type) else { return [] }
        let settings = Settings(planned.settings, origin: "system \(name)")
        // Those of a window alone do not matter where nobody freezes.
        let asked = uses(of: name, in: plan)
        let lacks = machine.lacks(type, with: settings, for: asked.intersection(type.capabilities))
        for need in lacks { report.bad("system \(name) (\(planned.type)) needs \(need.words): none here", do: need.remedy) }
        guard lacks.isEmpty else { return [] }
        guard !JSONValue.object(planned.settings).canonicalText.contains("${") else {
            report.note("system \(name): its settings are known when a job begins")
            return []
        }
        if let problem = SourcePath(type, settings, isRead: !asked.isDisjoint(with: Self.reading)).problem {
            report.bad("system \(name): \(problem.words)", do: problem.remedy)
            return []
        }
        do {
            var context = SystemContext(
                secrets: EnvironmentSecrets(), scratchFolder: FileManager.default.temporaryDirectory.path, host: Composition.host
            ) { StandardError.write("system \(name): \($1)") }
            context.declaredIdentity = planned.identity
            let opened: any System = try await type.open(settings, context)
            if type.capabilities.contains(.discovering), let system = opened as? any Discovering {
                let found = try await system.discover(context)
                report.good("system \(name): \(planned.identity); \(found.count) of its kind in reach")
            } else {
                report.good("system \(name): \(planned.identity)")
            }
            guard type.capabilities.contains(.inventorying), let system = opened as? any Inventorying else { return [] }
            let place = FoundHolding.Place(name: name, plan: plan, system: system, context: context)
            let holdings = try await system.inventory(context)
            checkBases(name, planned, holdings, ledger, &report)
            return holdings.map { FoundHolding(holding: $0, place: place) }
        } catch {
            report.bad(error, about: "system \(name)")
            return []
        }
    }

    private static let reading: Set<Capability> = [.treeSource, .imageSource, .snapshotting, .quiescing, .attaching]

    /// A base that somebody removed costs time and no backup.
    private func checkBases(
        _ name: String, _ planned: PlannedSystem, _ holdings: [Holding], _ ledger: HoldingLedger?, _ report: inout DoctorReport
    ) {
        let keys = Set(holdings.map(\.key))
        for record in ledger?.bases ?? []
        where record.base.systemIdentity == planned.identity && !keys.contains(record.base.snapshot.key) {
            report.warning(
                "system \(name): the base \(record.base.snapshot.key) of \(record.recordedAt.dateAndClock) is not there any more",
                do: "nothing: the next copy reads everything, and keeps a new one")
        }
    }

    /// What the plan's steps ask of a system.
    private func uses(of system: String, in plan: Plan) -> Set<Capability> {
        plan.steps.reduce(into: []) { uses, step in
            guard case .systems(let names) = step.subject, names.contains(system),
                case .systems(let capabilities)? = Composition.catalog.verb(step.verb)?.declaration.subject
            else { return }
            uses.formUnion(capabilities)
        }
    }
}
