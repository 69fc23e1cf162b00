import Basics

/// A value in a job's rows that this program would never have written.
struct RottenRow: Sendable, CustomStringConvertible {
    var table: String
    /// What is changed, with `JOB` for the job's id; the step is `free`, which is ready, and the window is open.
    var statement: String
    /// Whether the job can't go on with it.
    var sets = true
    var description: String { statement }

    private static func columns(_ table: String, _ values: [(String, [String])], sets: Bool = true, where condition: String) -> [RottenRow]
    {
        values.flatMap { column, values in
            values.map {
                RottenRow(table: table, statement: "UPDATE \(table) SET \(column) = \($0) WHERE \(condition)", sets: sets)
            }
        }
    }

    static let deep = "(repeat('[', 600) || repeat(']', 600))::jsonb"
    private static let times = ["'infinity'", "'-infinity'", "'4713-01-01 BC'", "'294276-12-31'"]
    private static let hugeSpan = "\"9223372036854775807ms\""

    static let all: [RottenRow] =
        columns(
            "steps",
            [
                ("wants", ["'{}'", "'\"x\"'", "'[1]'", "'[[]]'", "'null'", "'[{\"resource\": 1, \"mode\": [], \"capacity\": \"many\"}]'"]),
                ("outputs", ["'[]'", "'\"x\"'", "'7'", "'null'", deep]), ("missed", ["'{}'", "'[1]'"]),
                ("error", ["'[]'", "'\"boom\"'", "'{\"code\": 1}'"]), ("signal", ["'3'", "'{}'"]),
                ("members", ["'{}'", "'[1]'", "'[\"nobody\"]'"]), ("started_at", times), ("deadline", times),
                ("token", ["9223372036854775807", "-1"]), ("attempts", ["2147483647"]), ("failures", ["2147483647"]),
                ("generation", ["2147483647"]), ("state", ["'sleeping'"]),
            ], where: "job = 'JOB' AND id = 'free'")
        + columns(
            "step_plans",
            [
                (
                    "planned",
                    [
                        "'[]'", "'{}'", "'\"x\"'", deep, "planned || '{\"id\": \"other\"}'", "planned || '{\"verb\": \"other\"}'",
                        "planned || '{\"settings\": {\"argv\": [\"sh\"]}}'", "planned || '{\"timeout\": \(hugeSpan)}'",
                        "jsonb_set(planned, '{retry,factor}', '-1e300')",
                    ]
                )
            ], where: "job = 'JOB' AND id = 'free'")
        + columns(
            "windows",
            [
                ("planned", ["'[]'", "'{}'", "planned || '{\"members\": [1]}'", "planned || '{\"maxHold\": \(hugeSpan)}'"]),
                ("hold_until", ["'-infinity'", "'infinity'"]), ("failures", ["2147483647"]), ("phase", ["'ajar'"]),
            ], where: "job = 'JOB'")
        + columns(
            "compensations", [("state", ["'[]'", "'\"x\"'", deep]), ("kept", ["'{}'"]), ("former", ["'[1]'"]), ("armed_at", times)],
            where: "job = 'JOB'")
        + columns(
            "jobs",
            [
                ("parameters", ["'[]'", "'null'", "'\"x\"'", deep]), ("version", ["9223372036854775807"]),
                ("last_token", ["9223372036854775807"]), ("round", ["2147483647"]), ("armed_count", ["2147483647"]),
                ("created_at", times), ("deadline", ["'infinity'", "'294276-12-31'"]), ("outcome", ["'wonderful'"]), ("origin", ["'moon'"]),
            ], where: "id = 'JOB'")
        + columns(
            "plans", [("document", ["'[]'", "'{}'", deep, "document || '{\"pipeline\": \"other\"}'"])],
            where: "id = (SELECT plan FROM jobs WHERE id = 'JOB')")
        + columns("jobs", [("tick_at", ["'infinity'", "'-infinity'"])], sets: false, where: "id = 'JOB'")
        + columns("checkpoints", [("state", [deep]), ("saved_at", ["'infinity'"])], sets: false, where: "job = 'JOB'")
        + columns("progress", [("state", ["'[]'", deep])], sets: false, where: "job = 'JOB'")
        + columns("events", [("details", ["'[]'", deep]), ("at", times)], sets: false, where: "job = 'JOB'")
        + columns("attempts", [("error", ["'[]'", "'7'", deep]), ("started_at", times)], sets: false, where: "job = 'JOB'")
        + columns("workers", [("labels", ["'[]'", "'[\"snappy-flow.process\"]'", "'7'", deep])], sets: false, where: "id = 'dead'")
        + [
            RottenRow(
                table: "attempts",
                statement: "INSERT INTO attempts SELECT 'JOB', 'free', 1, 99, 'nobody', now(), now(), 'failed', NULL")
        ]

    static let tables = Array(Set(all.map(\.table))).sorted()
}
