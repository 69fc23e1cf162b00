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
        field("timeZone", .string, "the zone that the times are meant in", default: "UTC"),
        field("startingDeadline", .timeSpan, "a run that could not start this long after its time counts as missed"),
        field("missed", .choice(["skip", "runOnce", "runAll"]), "what becomes of missed runs", default: "runOnce"),
        field(
            "concurrencyPolicy", .choice(["Allow", "Forbid", "Replace"]), "what happens while the last run still goes on", default: "Forbid"
        ),
        field("suspended", .boolean, "true: no run starts", default: false),
    ])

    static let objectives = SettingsSchema([
        field("rpo", .timeSpan, "the newest good copy is never older than this"),
        field("rto", .timeSpan, "a restore never takes longer than this"),
        field(
            "proof",
            .object(
                SettingsSchema([
                    field("level", .choice(["metadata", "sample", "all", "restore"]), "how thoroughly a copy is proved", required: true),
                    field("within", .timeSpan, "the newest proof is never older than this", required: true),
                ])), "how often it is proved that a copy can be restored"),
    ])

    static let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    static let blackout = SettingsSchema([
        field("days", .list(.choice(days)), "the days on which it starts; every day when left out"),
        field("from", .string, "when it starts, HH:MM", required: true),
        field("to", .string, "when it ends, HH:MM; the next day when earlier than `from`", required: true),
        field("timeZone", .string, "the zone that the times are meant in", default: "UTC"),
        field("reason", .string, "why nothing may start then"),
    ])

    static let events = [
        "started", "succeeded", "partial", "failed", "cancelled", "cleanupFailed", "approvalNeeded", "missed", "objectiveMissed",
    ]
    static let hook = SettingsSchema([
        field("name", .string, "what it is called in the log"),
        field("on", .list(.choice(events)), "the events that it is told of", required: true),
        field("url", .string, "where the event is posted to", required: true),
        field("secret", .secret, "the key that the message is signed with"),
        field("headers", .map(.string), "headers sent along", default: [:]),
    ])

    static let parameterTypes: [(name: String, type: SettingType)] = [
        ("string", .string), ("boolean", .boolean), ("integer", .integer(.min ... .max)), ("duration", .timeSpan), ("size", .byteCount),
        ("percent", .percentage), ("path", .path), ("list", .list(.any)), ("map", .map(.any)), ("any", .any),
    ]
    static func parameterType(_ name: String) -> SettingType? { parameterTypes.first { $0.name == name }?.type }

    static let parameter = SettingsSchema([
        field("type", .choice(parameterTypes.map(\.name)), "its type", required: true),
        field("default", .any, "its value when a job gives none; without a default a job must give one"),
        field("description", .string, "what it is for"),
    ])

    static let system = SettingsSchema([
        field("type", .string, "the system's plug-in", required: true),
        field("identity", .string, "what it is, whatever it is called; the plug-in's own word when left out"),
        field("host", .string, "the host recorded in repository snapshots; the system's name when left out"),
    ])

    static let repository = SettingsSchema(
        [
            field("type", .string, "the object store's plug-in", required: true),
            field("password", .secret, "what unlocks the repository", required: true),
            field("create", .boolean, "false: a copy into a repository that does not exist is an error", default: true),
            field("mirror", .repositoryName, "another repository, whose store holds the same: what is written is on both"),
        ] + StoreAccess.schema.fields)

    static let retry = SettingsSchema([
        field("attempts", .integer(1...1000), "tries in all, the first included"),
        field("backoff", .timeSpan, "the wait before the second try"),
        field("maxBackoff", .timeSpan, "the longest wait"),
        field("factor", .any, "how much longer each wait is, at least 1"),
    ])

    static let fanOut = SettingsSchema([
        field("items", .either([.list(.any), .string]), "a list, or an expression that gives one", required: true),
        field("maxParallel", .integer(1...10_000), "so many at once at most"),
    ])

    /// What every step takes beside its verb.
    static let step = SettingsSchema([
        field("id", .string, "the step's id; verb-subject when left out"),
        field("after", .either([.list(.string), .string]), "the steps that it waits for; the one above when left out"),
        field("when", .either([.string, .boolean]), "an expression; the step is skipped when it is false"),
        field("forEach", .either([.list(.any), .string, .object(fanOut)]), "run once for each of several items"),
        field("timeout", .timeSpan, "the longest that one try may take"),
        field("retry", .object(retry), "how failed tries are repeated"),
        field("continueOnError", .boolean, "true: its failure makes the job partial, and the steps below go on"),
        field("runOn", .map(.string), "labels that a worker must have"),
        field("priority", .integer(-1000...1000), "higher goes first"),
        field("limits", .either([.list(.string), .string]), "counted limits that it takes part in"),
    ])

    static let instant = field("instant", .boolean, "true: quick enough to stand in a window; needs a timeout")
    static let parallel = "parallel"

    static let pipeline = ["schedule", "objectives", "parameters", "systems", "repositories", "limits", "blackouts", "hooks", "steps"]
}
