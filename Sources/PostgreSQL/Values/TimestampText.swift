import Basics

/// The text form of `timestamptz` as a session with DateStyle ISO and time zone UTC reads and writes it.
enum TimestampText {
    static func write(_ instant: Instant) -> String {
        let (seconds, fraction) = instant.microseconds.flooredDivision(by: 1_000_000)
        let (days, secondOfDay) = seconds.flooredDivision(by: 86400)
        let (year, month, day) = civil(fromDays: days)
        let time = [secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60].map { padded($0, 2) }.joined(separator: ":")
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2)) \(time).\(padded(fraction, 6))+00"
    }

    /// Reads `2026-11-23 05:15:29.123456+00`. Nil for `infinity` and years before Christ.
    static func read(_ text: String) -> Instant? {
        let parts = text.split(separator: " ")
        guard parts.count == 2, parts[1].hasSuffix("+00") else { return nil }
        let date = parts[0].split(separator: "-").map { Int64($0) }
        let time = parts[1].dropLast(3).split(separator: ":")
        guard date.count == 3, time.count == 3, let year = date[0], let month = date[1], let day = date[2],
            let hours = Int64(time[0]), let minutes = Int64(time[1])
        else { return nil }
        let seconds = time[2].split(separator: ".")
        guard let whole = Int64(seconds[0]) else { return nil }
        var microseconds: Int64 = 0
        if seconds.count == 2 {
            guard let fraction = Int64((String(seconds[1]) + "000000").prefix(6)) else { return nil }
            microseconds = fraction
        }
        let total = days(year: year, month: month, day: day) * 86400 + hours * 3600 + minutes * 60 + whole
        return Instant(microseconds: total * 1_000_000 + microseconds)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    /// Days since 1970-01-01 in the Gregorian calendar; years begin in March, so that the leap day is the last.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = shifted.flooredDivision(by: 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = (days + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
