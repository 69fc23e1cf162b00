import FlowModel
import StepKit

/// Whether a worker can serve a step: it has the plug-ins, in versions that understand the plan, and every secret that the step and its
/// undo need; of submitted pipelines it reaches only what its allow-list names.
struct StepAcceptance: Sendable {
    let worker: WorkerID
    let configuration: WorkerConfiguration
    let catalog: Catalog

    func callAsFunction(_ step: PlannedStep, _ plan: Plan, _ origin: JobOrigin) -> Claimant? {
        guard let verb = step.isCompensation ? catalog.verb(undoneBy: step.verb) : catalog.verb(step.verb),
            step.contractVersion <= verb.declaration.contractVersion
        else { return nil }
        let secrets = configuration.secrets(for: origin)
        guard step.secrets.allSatisfy({ secrets.canResolve($0) }) else { return nil }
        if origin == .submitted, !configuration.allowed.allows(step.settings, of: verb.declaration.schema) { return nil }
        var acquiresOnHost = false
        for name in step.systems {
            guard let planned = plan.systems[name], let type = catalog.system(planned.type), planned.contractVersion <= type.contractVersion
            else { return nil }
            if origin == .submitted, !configuration.allowed.allows(planned.settings, of: type.schema) { return nil }
            if type.scope == .host { acquiresOnHost = true }
        }
        for name in step.repositories {
            guard let planned = plan.repositories[name], let type = catalog.repository(planned.type),
                planned.contractVersion <= type.contractVersion
            else { return nil }
            if origin == .submitted, !configuration.allowed.allows(planned.settings, of: type.schema) { return nil }
        }
        return Claimant(worker: worker, host: configuration.host, acquiresOnHost: acquiresOnHost && step.undoneBy != nil)
    }
}
