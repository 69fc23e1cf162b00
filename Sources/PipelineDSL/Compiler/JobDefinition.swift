public import Basics
import Expressions
public import FlowModel
public import StepKit

/// A plan with a job's parameters: fan-outs over parameters expanded, settings and identities of systems and repositories resolved.
/// The same plan and parameters always give the same definition.
public struct JobDefinition: Sendable, Hashable {
    /// Every parameter of the plan, defaults filled in.
    public var parameters: [String: JSONValue]
    public var steps: [PlannedStep]
    public var windows: [PlannedWindow]
    public var systems: [String: PlannedSystem]
    public var repositories: [String: PlannedRepository]

    /// Throws when a parameter is missing, unknown or of another type, or when an expression over parameters fails.
    public static func instantiate(
        _ plan: Plan, parameters given: [String: JSONValue], catalog: Catalog
    ) throws(Explanation) -> JobDefinition {
        let parameters = try ParameterValues.complete(plan.parameters, given: given)
        let scope = ExpressionScope(parameters: parameters, pipeline: plan.expressionFields)
        var identities: [String: String] = [:]
        var systems = plan.systems
        for (name, system) in plan.systems where isOpen(system) {
            guard let type = catalog.system(system.type) else { throw unknownType(system.type, "system \(name)") }
            let settings = try resolved(system.settings, scope, type.schema, "system \(name)")
            systems[name]?.settings = settings
            systems[name]?.host = try resolved(system.host, "host", scope, "system \(name)")
            guard system.identity.contains("${") else { continue }
            let identity =
                if system.identity != PipelineCompiler.openIdentity("systems", name) {
                    try resolved(system.identity, "identity", scope, "system \(name)")
                } else {
                    try computed("system \(name)") { () throws(StepError) in
                        try type.identity(Settings(settings, origin: "system \(name)"))
                    }
                }
            systems[name]?.identity = identity
            identities["system/\(system.identity)"] = "system/\(identity)"
        }
        var repositories = plan.repositories
        for (name, repository) in plan.repositories where isOpen(repository.settings) || isOpen(repository.access ?? [:]) {
            guard let type = catalog.repository(repository.type) else { throw unknownType(repository.type, "repository \(name)") }
            let settings = try resolved(repository.settings, scope, type.schema, "repository \(name)")
            repositories[name]?.settings = settings
            if let access = repository.access {
                repositories[name]?.access = try resolved(access, scope, StoreAccess.schema, "repository \(name)")
            }
            let identity = try computed("repository \(name)") { () throws(StepError) in
                try type.identity(Settings(settings, origin: "repository \(name)"))
            }
            repositories[name]?.identity = identity
            identities["repository/\(repository.identity)"] = "repository/\(identity)"
        }
        for (name, system) in plan.systems {
            for (store, repository) in plan.repositories {
                guard let newSystem = systems[name], let newRepository = repositories[store] else { continue }
                identities[Hold.parent(system.identity, in: repository.identity)] = Hold.parent(
                    newSystem.identity, in: newRepository.identity)
            }
        }
        var steps = plan.steps.map { $0.holding(identities) }
        for index in steps.indices { steps[index].subject = try resolved(steps[index], scope) }
        var definition = JobDefinition(
            parameters: parameters, steps: steps, windows: plan.windows, systems: systems, repositories: repositories)
        try definition.expandFanOuts(scope)
        try definition.checkWindows(catalog)
        return definition
    }

    /// The plan as this job runs it: what a step's body is given.
    public func applied(to plan: Plan) -> Plan {
        var plan = plan
        plan.steps = steps
        plan.windows = windows
        plan.systems = systems
        plan.repositories = repositories
        return plan
    }

    private static func isOpen(_ system: PlannedSystem) -> Bool {
        isOpen(system.settings) || system.host.contains("${") || system.identity.contains("${")
    }

    /// True when there is an expression in it.
    static func isOpen(_ settings: [String: JSONValue]) -> Bool { settings.values.contains { isOpen($0) } }

    private static func isOpen(_ value: JSONValue) -> Bool {
        switch value {
        case .string(let text): text.contains("${")
        case .array(let elements): elements.contains { isOpen($0) }
        case .object(let members): isOpen(members)
        case .null, .bool, .int, .double: false
        }
    }

    private static func unknownType(_ type: String, _ location: String) -> Explanation {
        Explanation(
            .unknownType, expected: "a plug-in of this program", found: type, at: location, advice: "see `snappy-flow plugins list`")
    }

    private static func resolved(
        _ settings: [String: JSONValue], _ scope: ExpressionScope, _ schema: SettingsSchema, _ location: String
    ) throws(Explanation) -> [String: JSONValue] {
        let values: [String: JSONValue]
        do {
            values = try ExpressionEvaluator.resolve(settings, in: scope)
        } catch {
            throw Explanation(error, at: location)
        }
        for (name, value) in values.sorted(by: { $0.key < $1.key }) where settings[name] != value {
            guard let field = schema[name], !ScalarForm.fits(value, field.type) else { continue }
            throw Explanation(
                .wrongType, expected: "\(name): \(field.type.words)", found: value.canonicalText, at: location,
                advice: "give the parameter another value")
        }
        return values
    }

    /// A name beside the plug-in's own settings: a short line.
    private static func resolved(
        _ text: String, _ key: String, _ scope: ExpressionScope, _ location: String
    ) throws(Explanation) -> String {
        guard text.contains("${") else { return text }
        let value: JSONValue
        do {
            value = try ExpressionEvaluator.resolve(.string(text), in: scope)
        } catch {
            throw Explanation(error, at: location)
        }
        let name = value.stringValue ?? value.intValue.map(String.init) ?? ""
        guard !name.isEmpty, name.utf8.count <= 255, name == name.printable else {
            throw Explanation(
                .wrongType, expected: "\(key): a text of 1 to 255 bytes in one line", found: value.canonicalText, at: location,
                advice: "give the parameter another value")
        }
        return name
    }

    private static func resolved(_ step: PlannedStep, _ scope: ExpressionScope) throws(Explanation) -> Subject {
        guard case .snapshot(let text) = step.subject, text.contains("${") else { return step.subject }
        let value: JSONValue
        do {
            value = try ExpressionEvaluator.resolve(.string(text), in: scope)
        } catch {
            throw Explanation(error, at: "step \(step.id)")
        }
        guard let snapshot = value.stringValue, SnapshotText.isGood(snapshot) else {
            throw Explanation(
                .wrongSnapshot, expected: SnapshotText.words, found: value.canonicalText, at: "step \(step.id)",
                advice: "give the parameter another value")
        }
        return .snapshot(snapshot)
    }

    private static func computed(
        _ location: String, _ compute: () throws(StepError) -> String
    ) throws(Explanation) -> String {
        do {
            return try compute()
        } catch {
            throw Explanation(error, at: location)
        }
    }

    /// What the compiler could not know of settings that depend on parameters.
    private func checkWindows(_ catalog: Catalog) throws(Explanation) {
        for step in steps where step.window != nil && catalog.verb(step.verb)?.declaration.windowRole == .snapshot {
            guard case .systems(let names) = step.subject else { continue }
            for name in names {
                guard let system = systems[name], let type = catalog.system(system.type),
                    (try? type.snapshotCost(Settings(system.settings, origin: "system \(name)"))) == .slow
                else { continue }
                throw Explanation(
                    .slowInWindow, expected: "a snapshot that is instant, or a staging copy bounded in size", found: system.type,
                    at: "step \(step.id)", advice: "give system \(name) a bound such as `staging: 64MiB`")
            }
        }
    }
}

extension PlannedStep {
    fileprivate func holding(_ identities: [String: String]) -> PlannedStep {
        guard !identities.isEmpty else { return self }
        var step = self
        for index in step.holds.indices {
            if let resource = identities[step.holds[index].resource] { step.holds[index].resource = resource }
        }
        step.holds.sort { $0.resource < $1.resource }
        // Two names of one thing: held once, the stronger way.
        step.holds = step.holds.reduce(into: []) { kept, hold in
            guard let last = kept.last, last.resource == hold.resource else { return kept.append(hold) }
            if hold.mode == .exclusive { kept[kept.count - 1] = hold }
        }
        return step
    }
}
