import StorageKit

/// A time as Go writes it: RFC 3339, up to nine fraction digits without trailing zeros, and the zone's offset, which is kept
/// because it is part of a tree's hash. We write UTC.
struct GoTime: Hashable {
    var time: FileTime
    var offsetMinutes: Int32 = 0

    init(_ time: FileTime, offsetMinutes: Int32 = 0) {
        // Go refuses to write years outside 0...9999; restic clamps them.
        self.time = min(max(time, FileTime(seconds: -62_167_219_200)), FileTime(seconds: 253_402_300_799, nanoseconds: 999_999_999))
        self.offsetMinutes = offsetMinutes
    }

    var text: String {
        let local = time.seconds + Int64(offsetMinutes) * 60
        let (days, second) = (Self.floorDivide(local, 86400), Int(local - Self.floorDivide(local, 86400) * 86400))
        let (year, month, day) = Self.civil(days)
        var out = "\(Self.pad(year, 4))-\(Self.pad(month, 2))-\(Self.pad(day, 2))"
        out += "T\(Self.pad(second / 3600, 2)):\(Self.pad(second / 60 % 60, 2)):\(Self.pad(second % 60, 2))"
        if time.nanoseconds != 0 {
            var digits = Self.pad(Int(time.nanoseconds), 9)
            while digits.hasSuffix("0") { digits.removeLast() }
            out += "." + digits
        }
        guard offsetMinutes != 0 else { return out + "Z" }
        let minutes = Int(offsetMinutes.magnitude)
        return out + (offsetMinutes < 0 ? "-" : "+") + "\(Self.pad(minutes / 60, 2)):\(Self.pad(minutes % 60, 2))"
    }

    /// Nil when the text is not RFC 3339.
    init?(_ text: [UInt8]) {
        func number(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= text.count else { return nil }
            var value = 0
            for byte in text[range] {
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard text.count >= 20, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"), text[10] == UInt8(ascii: "T"),
            text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"), let year = number(0..<4), let month = number(5..<7),
            (1...12).contains(month), let day = number(8..<10), (1...31).contains(day), let hour = number(11..<13),
            let minute = number(14..<16),
            let second = number(17..<19)
        else { return nil }
        var index = 19
        var nanoseconds = 0
        if text[index] == UInt8(ascii: ".") {
            var digits = 0
            index += 1
            while index < text.count, text[index] >= UInt8(ascii: "0"), text[index] <= UInt8(ascii: "9") {
                if digits < 9 { nanoseconds = nanoseconds * 10 + Int(text[index] - UInt8(ascii: "0")) }
                digits = min(digits + 1, 9)
                index += 1
            }
            guard digits > 0 else { return nil }
            for _ in digits..<9 { nanoseconds *= 10 }
        }
        var offset: Int32 = 0
        guard index < text.count else { return nil }
        if text[index] == UInt8(ascii: "Z") {
            guard index + 1 == text.count else { return nil }
        } else {
            guard index + 6 == text.count, let hours = number(index + 1..<index + 3), let minutes = number(index + 4..<index + 6),
                text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-")
            else { return nil }
            offset = Int32(hours * 60 + minutes) * (text[index] == UInt8(ascii: "-") ? -1 : 1)
        }
        let local = Self.days(year, month, day) * 86400 + Int64(hour * 3600 + minute * 60 + second)
        time = FileTime(seconds: local - Int64(offset) * 60, nanoseconds: Int32(nanoseconds))
        offsetMinutes = offset
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(width - digits.utf8.count, 0)) + digits
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
    }

    /// Days since 1970-01-01 of a date of the proleptic Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    static func days(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let year = Int64(month <= 2 ? year - 1 : year)
        let era = floorDivide(year, 400)
        let yearOfEra = year - era * 400
        let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func civil(_ days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        return (Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month, Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1))
    }
}
