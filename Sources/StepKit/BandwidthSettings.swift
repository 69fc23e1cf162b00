import Basics
import Foundation
import StorageKit

/// `bandwidth:` of a repository.
enum BandwidthSettings {
    static let upload = Setting<ByteCount>("upload", "Maximum bytes per second to the store")
    static let download = Setting<ByteCount>("download", "Maximum bytes per second from the store")
    static let timeZone = Setting<String>("timeZone", "The time zone of these times", default: "UTC")
    static let schedule = Setting<[[String: JSONValue]]>(
        "schedule", "Other limits at certain times; the first that matches applies", default: [], type: .list(.object(hours)))

    private static let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    static let on = Setting<[String]>("days", "The days on which it starts; by default, every day", type: .list(.choice(days)))
    static let from = Setting<String>.required("from", "When it starts, HH:MM")
    static let to = Setting<String>.required("to", "When it ends, HH:MM; on the next day if earlier than `from`")
    static let hours = SettingsSchema([on.field, from.field, to.field, upload.field, download.field])

    static let schema = SettingsSchema([upload.field, download.field, schedule.field, timeZone.field])

    static func read(_ values: [String: JSONValue], origin: String) throws(StepError) -> BandwidthSchedule {
        let settings = Settings(values, origin: origin)
        let zone = try settings.value(timeZone)
        guard TimeZone(identifier: zone) != nil else {
            throw refusal("a zone of the tz database, as Europe/Berlin", zone, origin)
        }
        let usual = try bandwidth(settings, else: Bandwidth())
        var entries: [BandwidthSchedule.Hours] = []
        for entry in try settings.value(schedule) {
            let entry = Settings(entry, origin: origin)
            let (start, end) = (try minute(entry, from), try minute(entry, to))
            guard start != end else { throw refusal("a time that ends after it begins", try entry.value(to), origin) }
            let named = try entry.optional(on) ?? days
            entries.append(
                BandwidthSchedule.Hours(
                    days: Set(named.compactMap { days.firstIndex(of: $0) }), from: start, to: end,
                    bandwidth: try bandwidth(entry, else: usual)))
        }
        return BandwidthSchedule(usual: usual, hours: entries, timeZone: zone)
    }

    /// Slower than this, a request of a single megabyte would be taken for one that hangs.
    private static let slowest = ByteCount.kibibytes(64)

    private static func bandwidth(_ settings: Settings, else usual: Bandwidth) throws(StepError) -> Bandwidth {
        var found = usual
        if let rate = try settings.optional(upload) { found.upload = rate.bytes }
        if let rate = try settings.optional(download) { found.download = rate.bytes }
        for rate in [found.upload, found.download].compactMap({ $0 }) where rate < slowest.bytes {
            throw refusal("at least \(slowest) a second", "\(ByteCount(bytes: rate))", settings.origin)
        }
        return found
    }

    private static func minute(_ settings: Settings, _ setting: Setting<String>) throws(StepError) -> Int {
        let text = try settings.value(setting)
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }), let hour = Int(parts[0]), let minute = Int(parts[1]),
            (0..<24).contains(hour), (0..<60).contains(minute)
        else { throw refusal("\(setting.name): a time of the day, HH:MM", text, settings.origin) }
        return hour * 60 + minute
    }

    private static func refusal(_ expected: String, _ found: String, _ origin: String) -> StepError {
        StepError(
            .invalidSetting, expected: expected, found: "\"\(found)\"", at: origin,
            advice: "for example `bandwidth: {upload: 20MiB, schedule: [{from: \"08:00\", to: \"18:00\", upload: 5MiB}]}`")
    }
}
