import Basics
import FlowModel
import StepKit
import Steps
import WorkflowEngine

/// What the steps of a job that is run here will wait for, begun beside what comes before them. What goes wrong here goes wrong again where it counts, and is
/// said there.
struct RunPreparation {
    private let plan: Plan
    private let secrets = EnvironmentSecrets()
    /// Those that wait for no other.
    private let first: [PlannedStep]

    init(_ plan: Plan) {
        self.plan = plan
        first = plan.steps.filter { $0.after.isEmpty && $0.when == nil && !$0.isCompensation }
    }

    private var firstRepositories: Set<String> { Set(first.flatMap(\.repositories)) }

    /// For the first steps, beside the job's own start.
    func begin() {
        connectSystems()
        deriveKeys(of: firstRepositories)
    }

    /// For the others, beside the first steps: before, it would only have held those up.
    func goOn() { deriveKeys(of: Set(plan.steps.flatMap(\.repositories)).subtracting(firstRepositories)) }

    /// Libraries are loaded and servers connected to, where the very first steps need them: a tenth of a second. Those of later steps would wait for nothing.
    private func connectSystems() {
        for name in Set(first.flatMap(\.systems)).sorted() {
            guard let planned = plan.systems[name], let type = Composition.catalog.system(planned.type),
                lasts({ $0.systems.contains(name) })
            else { continue }
            type.prepare(Settings(planned.settings, origin: "system \(name)"))
        }
    }

    /// Opens the repositories: deriving a key from a password takes a tenth of a second, and this process keeps it.
    private func deriveKeys(of repositories: Set<String>) {
        for name in repositories.sorted() where lasts({ $0.repositories.contains(name) }) {
            Task.detached { [plan, secrets] in
                _ = try? await RepositoryPlace(name, in: plan, Composition.catalog, secrets: secrets) { _, _ in }.openInPassing()
            }
        }
    }

    /// What can be read once only, a pipe, is for the step.
    private func lasts(_ concerns: (PlannedStep) -> Bool) -> Bool {
        plan.steps.filter(concerns).flatMap(\.secrets).allSatisfy(secrets.lasts)
    }
}
