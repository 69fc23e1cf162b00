import FlowModel
import StepKit

/// Whether a worker can serve a step: it has the plug-ins, in versions that understand the plan, and every secret that the step and its
/// undo need; of submitted pipelines it reaches only what its allow-list names.
struct StepAcceptance: Sendable {
    let worker: WorkerID
    let configuration: WorkerConfiguration
    let catalog: Catalog

    func callAsFunction(_ step: PlannedStep, _ plan: Plan, _ origin: JobOrigin) -> Claimant? {
        guard refusal(of: step, plan, origin) == nil else { return nil }
        let acquires =
            step.undoneBy != nil && step.systems.contains { plan.systems[$0].flatMap { catalog.system($0.type) }?.scope == .host }
        return Claimant(worker: worker, host: configuration.host, acquiresOnHost: acquires)
    }

    /// Why the step is left to another worker; nil when it is served.
    func refusal(of step: PlannedStep, _ plan: Plan, _ origin: JobOrigin) -> StepError? {
        let location = "step \(step.id)"
        for (name, value) in step.runOn.sorted(by: { $0.key < $1.key }) where configuration.labels[name] != value {
            return StepError(
                "label-missing", expected: "a worker with the label \(name)=\(value)", found: configuration.labels[name] ?? "none",
                at: location, advice: "start one: `snappy-flow worker --label \(name)=\(value)`", retry: .transient)
        }
        guard let verb = step.isCompensation ? catalog.verb(undoneBy: step.verb) : catalog.verb(step.verb),
            step.contractVersion <= verb.declaration.contractVersion
        else { return unknown("the verb \(step.verb) in version \(step.contractVersion)", at: location) }
        let secrets = configuration.secrets(for: origin)
        for reference in step.secrets {
            if let problem = secrets.problem(with: reference) { return problem.at(location) }
        }
        let isAllowed: (_ settings: [String: JSONValue], _ schema: SettingsSchema) -> Bool = { [allowed = configuration.allowed] in
            origin != .submitted || allowed.allows($0, of: $1)
        }
        guard isAllowed(step.settings, verb.declaration.schema) else { return outside(of: location) }
        for name in step.systems {
            guard let planned = plan.systems[name], let type = catalog.system(planned.type), planned.contractVersion <= type.contractVersion
            else { return unknown("the type of system \(name)", at: location) }
            guard isAllowed(planned.settings, type.schema) else { return outside(of: "\(location), system \(name)") }
        }
        for name in step.repositories {
            guard let planned = plan.repositories[name], let type = catalog.repository(planned.type),
                planned.contractVersion <= type.contractVersion
            else { return unknown("the type of repository \(name)", at: location) }
            guard isAllowed(planned.settings, type.schema) else { return outside(of: "\(location), repository \(name)") }
        }
        return nil
    }

    private func unknown(_ what: String, at location: String) -> StepError {
        StepError(
            "not-served", expected: what, found: "a program that does not know it", at: location, advice: "run a newer snappy-flow",
            retry: .transient)
    }

    private func outside(of location: String) -> StepError {
        StepError(
            "not-allowed", expected: "paths and programs that this worker may serve to submitted pipelines",
            found: "one that is not on its list", at: location, advice: "see `snappy-flow worker --help`: --allow, --allow-program",
            retry: .transient)
    }
}

extension StepError {
    /// The same, seen from a step.
    fileprivate func at(_ step: String) -> StepError {
        var error = self
        error.location = "\(step), \(location)"
        return error
    }
}
