public import Basics
import Foundation
public import StepKit

/// A time as people write it beside `latest`.
public enum SnapshotTime {
    /// RFC 3339, with or without fractions, or a bare date (its first moment, UTC). Throws `.invalidSetting` for anything else.
    public static func parse(_ text: String, at location: String) throws(StepError) -> Instant {
        let whole = Date.ISO8601FormatStyle()
        for format in [whole, whole.time(includingFractionalSeconds: true), whole.year().month().day()] {
            guard let date = try? Date(text, strategy: format) else { continue }
            if let microseconds = Int64(exactly: (date.timeIntervalSince1970 * 1e6).rounded()) {
                return Instant(microseconds: microseconds)
            }
        }
        throw StepError(.invalidSetting, expected: "a time such as 2026-11-23T04:00:00Z", found: "\"\(text)\"", at: location)
    }

    /// RFC 3339 in UTC, whole seconds.
    static func text(_ time: Instant) -> String { Date(timeIntervalSince1970: Double(time.microseconds) / 1e6).formatted(.iso8601) }
}
