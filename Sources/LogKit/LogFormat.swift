import Basics
import Foundation
import Logging

/// How a line of the log is spelled. Each is one line, and nothing in it acts on a terminal, whatever stands in its parts.
public enum LogFormat: String, Sendable, Hashable, CaseIterable {
    /// `2026-11-30T18:00:00.123Z warning worker: message job=... step=...`
    case text
    /// An object: `time`, `level`, `label`, `message`, `error`, and the fields by their names.
    case json
    /// `warning: message job=...`: for who has just typed the command.
    case brief

    /// The line, without a newline at its end. `isStamped`: false where who gets it writes time and level himself.
    func line(_ record: LogRecord, isStamped: Bool = true) -> String {
        switch self {
        case .json: json(record)
        case .text: (isStamped ? "\(Self.stamp(record.time)) \(record.level) \(record.label.printable): " : "") + words(record)
        case .brief: (isStamped ? "\(record.level): " : "") + words(record)
        }
    }

    /// RFC 3339 in UTC, to the millisecond.
    static func stamp(_ time: Instant) -> String {
        let whole = Date(timeIntervalSince1970: Double(time.microseconds / 1_000_000)).formatted(.iso8601)
        // Thousandths in whole numbers: a Double of seconds would show the one before now and then.
        let thousandths = String(time.microseconds % 1_000_000 / 1000 + 1000).dropFirst()
        return "\(whole.dropLast()).\(thousandths)Z"
    }

    /// Those by which a line is joined with the database come first.
    private static let first = ["job", "step", "attempt", "worker"]

    private func words(_ record: LogRecord) -> String {
        var text = record.message
        if let error = record.errorText { text += ": " + error }
        text = text.printable
        let others = record.fields.keys.filter { !Self.first.contains($0) }.sorted()
        for key in Self.first + others {
            if let value = record.fields[key] { text += " \(key.printable)=\(Self.word(value))" }
        }
        return text
    }

    /// A word as it is, everything else as JSON has it.
    private static func word(_ value: JSONValue) -> String {
        if case .string(let text) = value, !text.isEmpty, text.utf8.allSatisfy(isPlain) { return text }
        return value.canonicalText.printableJSON
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "-._:/@+%[]".utf8.contains(byte)
        }
    }

    private func json(_ record: LogRecord) -> String {
        // A field can't stand in for what every line has.
        var members = record.fields
        members["time"] = .string(Self.stamp(record.time))
        members["level"] = .string(record.level.rawValue)
        members["label"] = .string(record.label)
        members["message"] = .string(record.message)
        members["error"] = record.error
        return JSONValue.object(members).canonicalText.printableJSON
    }
}
