import Foundation
import HTTPClient

/// Times as servers write them.
enum ServerTime {
    /// RFC 9110, 5.6.7: `Tue, 24 Nov 2026 00:00:00 GMT`.
    static func header(_ text: String) -> Date? { try? Date(text, strategy: httpDate) }

    /// `2026-11-24T00:00:00`, in UTC, whatever follows: fractions of any length, with and without a zone's `Z`.
    static func stamp(_ text: String) -> Date? { try? Date.ISO8601FormatStyle().parse(text.prefix(19) + "Z") }

    private static let httpDate = Date.ParseStrategy(
        format:
            "\(weekday: .abbreviated), \(day: .twoDigits) \(month: .abbreviated) \(year: .defaultDigits) \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits) GMT",
        locale: Locale(identifier: "en_US_POSIX"), timeZone: .gmt)
}

extension HTTPAnswer {
    /// What the server's own clock said.
    var serverTime: Date? { header("Date").flatMap { ServerTime.header($0) } }
}
