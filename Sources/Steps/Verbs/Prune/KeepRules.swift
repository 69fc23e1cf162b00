import Basics
import Repository
import StepKit

/// `keep:` of a prune step.
struct KeepRules: Sendable {
    let policy: RetentionPolicy

    private static func count(_ name: String, _ summary: String) -> Setting<Int> {
        Setting(name, summary, default: 0, type: .integer(0...100_000))
    }
    private static let last = count("last", "The newest N snapshots")
    private static let hourly = count("hourly", "The newest of each hour, for the last N hours that have one")
    private static let daily = count("daily", "The newest of each day, for the last N days that have one")
    private static let weekly = count("weekly", "The newest of each week, for the last N weeks that have one")
    private static let monthly = count("monthly", "The newest of each month, for the last N months that have one")
    private static let yearly = count("yearly", "The newest of each year, for the last N years that have one")
    private static let within = Setting<TimeSpan>("within", "All that are at most this much older than the newest")
    private static let tags = Setting<[String]>("tags", "All that have one of these tags", default: [])

    static let schema = SettingsSchema([
        last.field, hourly.field, daily.field, weekly.field, monthly.field, yearly.field, within.field, tags.field,
    ])

    /// A policy that says nothing would keep everything and is a mistake.
    init(_ values: [String: JSONValue], origin: String) throws(StepError) {
        let settings = Settings(values, origin: origin)
        policy = RetentionPolicy(
            last: try settings.value(Self.last), hourly: try settings.value(Self.hourly), daily: try settings.value(Self.daily),
            weekly: try settings.value(Self.weekly), monthly: try settings.value(Self.monthly), yearly: try settings.value(Self.yearly),
            within: try settings.optional(Self.within), tags: try settings.value(Self.tags).map { [$0] }, groupBy: [])
        guard !policy.isEmpty else {
            throw StepError(
                .invalidSetting, expected: "`keep` to say what stays", found: "nothing", at: origin,
                advice: "for example `keep: {last: 3, daily: 7}`")
        }
    }
}
