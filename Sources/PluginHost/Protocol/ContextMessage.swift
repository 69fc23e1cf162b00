import Basics
import FlowModel
import StepKit

/// A context between the worker and a plug-in's process: what names things and says where to put them. Secrets travel as settings, and the plan stays with
/// the worker.
enum ContextMessage {
    /// `job` and `step` are empty, and `attempt` is 0, where no step needs the system: plug-ins may count on the keys.
    static func of(_ context: SystemContext) -> JSONValue {
        var members = step(context.step)
        members["scratchFolder"] = .string(context.scratchFolder)
        members["host"] = .string(context.host)
        members["identity"] = context.declaredIdentity.map { .string($0) }
        if !context.neverFreeze.isEmpty { members["neverFreeze"] = .array(context.neverFreeze.map { .string($0) }) }
        return .object(members)
    }

    static func of(_ context: StepContext) -> JSONValue { of(context.system()) }

    static func neverFreeze(_ json: JSONValue) -> [String] { json["neverFreeze"]?.arrayValue?.compactMap(\.stringValue) ?? [] }

    private static func step(_ step: StepName?) -> [String: JSONValue] {
        guard let step else { return ["job": "", "step": "", "attempt": 0] }
        return [
            "job": .string(step.job.rawValue), "tenant": .string(step.tenant), "step": .string(step.step.rawValue),
            "verb": .string(step.verb), "attempt": .int(Int64(step.attempt)), "key": .string(step.key),
        ]
    }

    /// Nil where no step is named.
    static func stepName(_ json: JSONValue) -> StepName? {
        func text(_ key: String) -> String { json[key]?.stringValue ?? "" }
        guard !text("step").isEmpty else { return nil }
        return StepName(
            job: JobID(rawValue: text("job")), tenant: text("tenant"), step: StepID(rawValue: text("step")), verb: text("verb"),
            attempt: Int(clamping: json["attempt"]?.intValue ?? 1), key: text("key"))
    }

    static func system(_ json: JSONValue, secrets: any SecretResolver, output: PluginOutput) -> SystemContext {
        var context = SystemContext(
            secrets: secrets, scratchFolder: json["scratchFolder"]?.stringValue ?? "", host: json["host"]?.stringValue ?? ""
        ) { output.log($0, $1) }
        context.declaredIdentity = json["identity"]?.stringValue
        context.step = stepName(json)
        context.neverFreeze = neverFreeze(json)
        return context
    }
}
