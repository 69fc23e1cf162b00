public import Basics
import FlowModel

/// A time in JSON: RFC 3339 in UTC with microseconds, `2026-11-30T02:15:07.250000Z`, which sorts as text. Times beyond the years 1 to 9999, which only a row that
/// this program did not write has, are the first or the last that can be written so.
public struct Timestamp: Sendable, Hashable, Comparable {
    public let instant: Instant

    public init(_ instant: Instant) {
        self.instant = Instant(microseconds: min(max(instant.microseconds, Self.first), Self.last))
    }

    private static let first: Int64 = -62_135_596_800_000_000
    private static let last: Int64 = 253_402_300_799_000_000
    private static let day: Int64 = 86_400_000_000

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.instant < right.instant }

    /// From the earlier to this one.
    public static func - (left: Timestamp, right: Timestamp) -> TimeSpan { left.instant - right.instant }

    /// Reads RFC 3339: a date, `T`, a time with or without a fraction, and `Z` or an offset; or a date alone, which is its midnight in UTC.
    public init?(_ text: String) {
        let form = /(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d)))?/
        guard let found = text.wholeMatch(of: form)?.output, text.utf8.count == text.count else { return nil }
        func number(_ digits: Substring?) -> Int64 { digits.flatMap { Int64($0) } ?? 0 }
        let (year, month, date) = (number(found.1), number(found.2), number(found.3))
        let (hour, minute, second) = (number(found.4), number(found.5), number(found.6))
        guard year >= 1, (1...12).contains(month), date >= 1, hour < 24, minute < 60, second < 60,
            case let days = Self.days(year, month, date), Self.civil(days) == (year, month, date)
        else { return nil }
        let fraction = number((found.7 ?? "0").prefix(6)) * Self.power(of: 6 - min((found.7 ?? "0").count, 6))
        let offset = (number(found.9) * 60 + number(found.10)) * (found.8 == "-" ? -1 : 1)
        let seconds = hour * 3600 + (minute - offset) * 60 + second
        self.init(Instant(microseconds: days * Self.day + seconds * 1_000_000 + fraction))
    }

    private static func power(of exponent: Int) -> Int64 { (0..<exponent).reduce(1) { power, _ in power * 10 } }

    /// Days since 1970 of a date of the Gregorian calendar, by eras of 400 years that begin in March.
    private static func days(_ year: Int64, _ month: Int64, _ date: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let ofEra = year % 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + date - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, date: Int64) {
        let days = days + 719_468
        let era = days / 146_097
        let ofEra = days % 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let shifted = (5 * ofYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (year + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * shifted + 2) / 5 + 1)
    }
}

extension Timestamp: CustomStringConvertible {
    public var description: String {
        let microseconds = instant.microseconds
        let days = microseconds >= 0 ? microseconds / Self.day : -((Self.day - 1 - microseconds) / Self.day)
        let rest = microseconds - days * Self.day
        let (year, month, date) = Self.civil(days)
        func digits(_ number: Int64, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(width - text.count, 0)) + text
        }
        return "\(digits(year, 4))-\(digits(month, 2))-\(digits(date, 2))T\(digits(rest / 3_600_000_000, 2)):"
            + "\(digits(rest / 60_000_000 % 60, 2)):\(digits(rest / 1_000_000 % 60, 2)).\(digits(rest % 1_000_000, 6))Z"
    }
}

extension Timestamp: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let time = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected a time of RFC 3339, found \(text)")
        }
        self = time
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
