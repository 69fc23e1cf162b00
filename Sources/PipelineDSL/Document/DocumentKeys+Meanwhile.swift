/// The keys of a pipeline that are checked and kept in the plan, and that no part of the program acts on yet.
extension DocumentKeys {
    /// What to do until it works; nil for a key that works.
    static func meanwhile(_ key: String, _ node: YAMLNode? = nil) -> String? {
        switch key {
        case "schedule":
            let cron = node?["cron"]?.scalarText.flatMap { CronExpression.problem(in: $0) == nil ? $0 : nil }
            return "let cron or a systemd timer start it: `\(cron ?? "15 2 * * *") snappy-flow submit FILE`, with a `worker` that runs, "
                + "or `run FILE`"
        case "objectives":
            return "watch the newest snapshot's age yourself: `snappy-flow snapshots list --file FILE --repository NAME --output json`"
        case "blackouts": return "leave these times out of the cron line that starts it"
        case "hooks":
            return "let what starts it look at the exit status of `snappy-flow run FILE` or `submit --wait FILE`, "
                + "or write an `http` step at the end"
        default: return nil
        }
    }
}
