import StorageKit

/// The records of an extended header, `LENGTH KEY=VALUE\n` each: what the block before an entry can't say.
struct PaxRecords: Sendable {
    /// The later one of two counts. An empty value takes back what the block, or a global header, says.
    private(set) var values: [String: [UInt8]] = [:]

    init() {}

    /// Nil for what are no records.
    init?(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let space = rest.firstIndex(of: 0x20), space - rest.startIndex <= 10,
                let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > space - rest.startIndex + 2,
                length <= rest.count
            else { return nil }
            let record = rest[(space + 1)..<(rest.startIndex + length)]
            guard record.last == 0x0A, let equals = record.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            values[String(decoding: record[..<equals], as: UTF8.self)] = Array(record[(equals + 1)...].dropLast())
            rest = rest[(rest.startIndex + length)...]
        }
    }

    mutating func merge(_ other: PaxRecords) { values.merge(other.values) { $1 } }

    /// One record.
    static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [0x0A]
        var length = rest.count
        // The length counts its own digits.
        while length != rest.count + String(length).utf8.count { length = rest.count + String(length).utf8.count }
        return Array(String(length).utf8) + rest
    }

    /// Seconds with a fraction; nanoseconds count upwards also before 1970.
    static func text(_ time: FileTime) -> String {
        guard time.seconds < 0, time.nanoseconds > 0 else { return "\(time.seconds).\(digits(time.nanoseconds))" }
        let whole = time.seconds + 1
        return (whole == 0 ? "-0" : "\(whole)") + "." + digits(1_000_000_000 - time.nanoseconds)
    }

    private static func digits(_ nanoseconds: Int32) -> String {
        let text = String(nanoseconds)
        return String(repeating: "0", count: 9 - text.count) + text
    }

    /// What `text` makes of a time; nil for what is none. Digits below a nanosecond are dropped.
    static func time(_ bytes: [UInt8]) -> FileTime? {
        let text = String(decoding: bytes, as: UTF8.self)
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let whole = Int64(first) else { return nil }
        let fraction = parts.count > 1 ? parts[1].prefix(9) : ""
        guard fraction.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let nanoseconds = Int32(fraction + String(repeating: "0", count: 9 - fraction.count)) ?? 0
        guard text.hasPrefix("-"), nanoseconds > 0 else { return FileTime(seconds: whole, nanoseconds: nanoseconds) }
        let (seconds, isTooFar) = whole.subtractingReportingOverflow(1)
        return isTooFar ? nil : FileTime(seconds: seconds, nanoseconds: 1_000_000_000 - nanoseconds)
    }
}
