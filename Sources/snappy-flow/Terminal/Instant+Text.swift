import Basics
import Foundation

extension Instant {
    private var date: Date { Date(timeIntervalSince1970: Double(microseconds) / 1_000_000) }

    /// `02:15:07` in the machine's time zone.
    var clock: String {
        date.formatted(
            .verbatim(
                "\(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits)",
                timeZone: .current, calendar: .current))
    }

    /// RFC 3339 in UTC, whole seconds.
    var rfc3339: String { date.formatted(.iso8601) }

    /// `2026-11-23 02:15:07` in the machine's time zone.
    var dateAndClock: String {
        date.formatted(.verbatim("\(year: .padded(4))-\(month: .twoDigits)-\(day: .twoDigits)", timeZone: .current, calendar: .current))
            + " " + clock
    }
}
