import Basics
import StepKit

/// The keys of documents and steps that belong to no plug-in: one declaration for reading, diagnostics and JSON Schema.
enum DocumentKeys {
    private static func field(
        _ name: String, _ type: SettingType, _ summary: String, default value: JSONValue? = nil, required: Bool = false
    ) -> SettingField {
        SettingField(name: name, summary: summary, type: type, defaultValue: value, isRequired: required)
    }

    static let schedule = SettingsSchema([
        field("cron", .string, "when it runs: minute, hour, day of month, month, day of week", required: true),
        field("timeZone", .string, "the time zone of these times", default: "UTC"),
        field("startingDeadline", .timeSpan, "how late a run may start before it counts as missed"),
        field("missed", .choice(["skip", "runOnce", "runAll"]), "what happens to missed runs", default: "runOnce"),
        field(
            "concurrencyPolicy", .choice(["Allow", "Forbid", "Replace"]), "what happens if the last run still goes on", default: "Forbid"
        ),
        field("suspended", .boolean, "true: no run starts", default: false),
    ])

    static let objectives = SettingsSchema([
        field("rpo", .timeSpan, "maximum age of the newest good copy"),
        field("rto", .timeSpan, "maximum time that a restore takes"),
        field(
            "proof",
            .object(
                SettingsSchema([
                    field("level", .choice(["metadata", "sample", "all", "restore"]), "how thoroughly a copy is proved", required: true),
                    field("within", .timeSpan, "maximum age of the newest proof", required: true),
                ])), "how often it is proved that a copy can be restored"),
    ])

    static let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    static let blackout = SettingsSchema([
        field("days", .list(.choice(days)), "the days on which it starts; by default, every day"),
        field("from", .string, "when it starts, HH:MM", required: true),
        field("to", .string, "when it ends, HH:MM; on the next day if earlier than `from`", required: true),
        field("timeZone", .string, "the time zone of these times", default: "UTC"),
        field("reason", .string, "why nothing may start then"),
    ])

    static let events = [
        "started", "succeeded", "partial", "failed", "cancelled", "cleanupFailed", "approvalNeeded", "missed", "objectiveMissed",
    ]
    static let hook = SettingsSchema([
        field("name", .string, "its name in the log"),
        field("on", .list(.choice(events)), "the events to send", required: true),
        field("url", .string, "the URL to which events are posted", required: true),
        field("secret", .secret, "the key with which messages are signed"),
        field("headers", .map(.string), "additional request headers", default: [:]),
    ])

    static let parameterTypes: [(name: String, type: SettingType)] = [
        ("string", .string), ("boolean", .boolean), ("integer", .integer(.min ... .max)), ("duration", .timeSpan), ("size", .byteCount),
        ("percent", .percentage), ("path", .path), ("list", .list(.any)), ("map", .map(.any)), ("any", .any),
    ]
    static func parameterType(_ name: String) -> SettingType? { parameterTypes.first { $0.name == name }?.type }

    static let parameter = SettingsSchema([
        field("type", .choice(parameterTypes.map(\.name)), "its type", required: true),
        field("default", .any, "its value if a job gives none; without a default, a job must give one"),
        field("description", .string, "what it is for"),
    ])

    static let system = SettingsSchema([
        field("type", .string, "the system's plug-in", required: true),
        field("identity", .string, "what identifies the system, whatever its name is; by default, what the plug-in says"),
        field("host", .string, "the host recorded in repository snapshots; by default, the system's name"),
    ])

    static let repository = SettingsSchema(
        [
            field("type", .string, "the object store's plug-in", required: true),
            field("password", .secret, "what unlocks the repository", required: true),
            field("create", .boolean, "false: a copy into a repository that does not exist is an error", default: true),
            field("mirror", .repositoryName, "another repository whose store holds the same: everything is written to both"),
        ] + StoreAccess.schema.fields)

    static let retry = SettingsSchema([
        field("attempts", .integer(1...1000), "maximum number of attempts, the first included"),
        field("backoff", .timeSpan, "the wait before the second attempt"),
        field("maxBackoff", .timeSpan, "the maximum wait"),
        field("factor", .any, "the factor by which each wait grows, at least 1"),
    ])

    static let fanOut = SettingsSchema([
        field("items", .either([.list(.any), .string]), "a list, or an expression that gives one", required: true),
        field("maxParallel", .integer(1...10_000), "maximum number of items at once"),
    ])

    /// What every step takes beside its verb.
    static let step = SettingsSchema([
        field("id", .string, "the step's id; by default, VERB-SUBJECT"),
        field("after", .either([.list(.string), .string]), "the steps that it waits for; by default, the one above"),
        field("when", .either([.string, .boolean]), "an expression; the step is skipped when it is false"),
        field("forEach", .either([.list(.any), .string, .object(fanOut)]), "run once for each of several items"),
        field("timeout", .timeSpan, "timeout for one attempt"),
        field("retry", .object(retry), "how failed attempts are repeated"),
        field("continueOnError", .boolean, "true: if it fails, the job becomes partial and the steps below go on"),
        field("runOn", .map(.string), "labels that a worker must have"),
        field("priority", .integer(-1000...1000), "steps with a higher priority go first"),
        field("limits", .either([.list(.string), .string]), "the counted limits that it counts towards"),
    ])

    static let instant = field("instant", .boolean, "true: quick enough to run inside a window; requires a timeout")
    static let parallel = "parallel"

    static let pipeline = ["schedule", "objectives", "parameters", "systems", "repositories", "limits", "blackouts", "hooks", "steps"]
}
