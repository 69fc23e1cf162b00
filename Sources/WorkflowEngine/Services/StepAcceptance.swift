import Basics
import FlowModel
import StepKit

/// Whether a worker can serve a step: it has the plug-ins, in versions that understand the plan, and every secret that the step and its
/// undo need; the machine has what the types of its systems and repositories need; of submitted pipelines it reaches only what its allow-list names.
struct StepAcceptance: Sendable {
    let worker: WorkerID
    let configuration: WorkerConfiguration
    let catalog: Catalog

    func callAsFunction(_ step: PlannedStep, _ plan: Plan, _ trust: JobTrust) -> Claimant? {
        guard refusal(of: step, plan, trust) == nil else { return nil }
        return Claimant(worker: worker, host: configuration.host, acquiresOnHost: acquiresOnHost(step, plan))
    }

    /// Whether only this host can undo what the step acquires: an attachment always; else as its systems say of that kind.
    private func acquiresOnHost(_ step: PlannedStep, _ plan: Plan) -> Bool {
        guard step.undoneBy != nil, let kind = catalog.verb(step.verb)?.declaration.acquires?.kind else { return false }
        if kind == .attachment { return true }
        return step.systems.contains { plan.systems[$0].flatMap { catalog.system($0.type) }?.scope(of: kind) == .host }
    }

    /// Why the step is left to another worker; nil when it is served.
    func refusal(of step: PlannedStep, _ plan: Plan, _ trust: JobTrust) -> StepError? {
        // The first steps of a job, or of a window that is begun anew.
        if step.after.isEmpty, !step.isCompensation, let shortage = configuration.shortage() { return shortage.at("step \(step.id)") }
        let list = configuration.allowList(for: trust)
        guard let refusal = refusal(of: step, plan, list) else { return nil }
        // Where nothing else stands in the way, it is said what makes it a stranger's.
        guard case .unproven(let job, let maker) = trust, list != nil, self.refusal(of: step, plan, nil) == nil else { return refusal }
        return unproven(job, maker, refusal)
    }

    /// `list`: what holds it; nil: nothing.
    private func refusal(of step: PlannedStep, _ plan: Plan, _ list: AllowList?) -> StepError? {
        let location = "step \(step.id)"
        for (name, value) in step.runOn.sorted(by: { $0.key < $1.key }) where configuration.labels[name] != value {
            return StepError(
                .labelMissing, expected: "a worker with the label \(name)=\(value)", found: configuration.labels[name] ?? "none",
                at: location, advice: "start one: `snappy-flow worker --label \(name)=\(value)`", retry: .transient)
        }
        guard let verb = step.isCompensation ? catalog.verb(undoneBy: step.verb) : catalog.verb(step.verb),
            step.contractVersion <= verb.declaration.contractVersion
        else { return unknown("the verb \(step.verb) in version \(step.contractVersion)", at: location) }
        let secrets = EnvironmentSecrets(environment: configuration.environment, allowed: list)
        for reference in step.secrets {
            if let problem = secrets.problem(with: reference) { return problem.at(location) }
        }
        let isAllowed: (_ settings: [String: JSONValue], _ schema: SettingsSchema) -> Bool = {
            list?.allows($0, of: $1) ?? true
        }
        guard isAllowed(step.settings, verb.declaration.schema) else { return outside(of: location) }
        for name in step.systems {
            guard let planned = plan.systems[name], let type = catalog.system(planned.type), planned.contractVersion <= type.contractVersion
            else { return unknown("the type of system \(name)", at: location) }
            guard isAllowed(planned.settings, type.schema) else { return outside(of: "\(location), system \(name)") }
            let uses = uses(of: name, by: step, verb.declaration, plan).intersection(type.capabilities)
            if let lack = lack(type, type.name, planned.settings, uses, at: "\(location), system \(name)") { return lack }
        }
        for name in step.repositories {
            guard let planned = plan.repositories[name], let type = catalog.repository(planned.type),
                planned.contractVersion <= type.contractVersion
            else { return unknown("the type of repository \(name)", at: location) }
            guard isAllowed(planned.settings, type.schema) else { return outside(of: "\(location), repository \(name)") }
            if let lack = lack(type, type.name, planned.settings, [], at: "\(location), repository \(name)") { return lack }
        }
        return nil
    }

    /// What a step, or the one that it undoes, asks of a system; empty where its verb does not say.
    private func uses(of system: String, by step: PlannedStep, _ verb: VerbDeclaration, _ plan: Plan) -> Set<Capability> {
        guard case .systems(let capabilities) = verb.subject else { return [] }
        let subjects = [step.subject, step.undoes.flatMap(plan.step)?.subject]
        let isSubject = subjects.contains { if case .systems(let names)? = $0 { names.contains(system) } else { false } }
        return isSubject ? Set(capabilities) : []
    }

    private func lack(
        _ type: some MachineUsing, _ name: String, _ settings: [String: JSONValue], _ uses: Set<Capability>, at location: String
    ) -> StepError? {
        guard let need = configuration.machine.lacks(type, with: Settings(settings, origin: location), for: uses).first else { return nil }
        return StepError(
            .notServed, expected: "\(need.words), for \(name)", found: "none on this machine", at: location,
            advice: "\(need.remedy), or run a worker on a machine that has it", retry: .transient)
    }

    private func unknown(_ what: String, at location: String) -> StepError {
        StepError(
            .notServed, expected: what, found: "a program that does not know it", at: location, advice: "run a newer snappy-flow",
            retry: .transient)
    }

    private func unproven(_ job: JobID, _ maker: String?, _ refusal: StepError) -> StepError {
        StepError(
            .notProven,
            expected: "a local job with the seal of this worker's user, or one that reaches only what the worker's allow-list names",
            found:
                "one recorded as made by \(maker ?? "nobody") whose seal is not this user's, and in \(refusal.location) \(refusal.found)",
            at: "job \(job)",
            advice:
                "run `snappy-flow worker` or the next `run` as who made it and where his state folder is; `snappy-flow worker --adopt-local` takes up every such job, whoever can write the database",
            retry: .transient)
    }

    private func outside(of location: String) -> StepError {
        StepError(
            .notAllowed, expected: "paths and programs that this worker may serve to submitted pipelines",
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
