import Basics
import Foundation
import Logging

/// Makes records of what loggers say.
struct RecordHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel: Logger.Level
    private let label: String
    private let output: LogOutput

    init(_ label: String, level: Logger.Level, _ output: LogOutput) {
        self.label = label
        logLevel = level
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        output.say(
            LogRecord(
                time: Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)), level: event.level, label: label,
                message: LogRecord.bounded("\(event.message)"), error: event.error.map { Self.parts(of: $0) },
                errorText: event.error.map { LogRecord.bounded("\($0)") }, fields: all.mapValues { Self.value(of: $0) }))
    }

    private static func parts(of error: any Error) -> JSONValue {
        guard let explained = error as? any ExplainedError, let parts = try? JSONValue(encoding: explained.explanation) else {
            return ["found": .string(LogRecord.bounded("\(error)"))]
        }
        return .object((parts.objectValue ?? [:]).mapValues { $0.stringValue.map { .string(LogRecord.bounded($0)) } ?? $0 })
    }

    /// Numbers and truth values stay what they are; everything else is what it prints.
    private static func value(of metadata: Logger.Metadata.Value) -> JSONValue {
        switch metadata {
        case .string(let text): .string(LogRecord.bounded(text))
        case .stringConvertible(let value):
            switch value {
            case let number as any FixedWidthInteger: Int64(exactly: number).map { JSONValue.int($0) } ?? .string("\(number)")
            case let truth as Bool: .bool(truth)
            default: .string(LogRecord.bounded("\(value)"))
            }
        case .array(let values): .array(values.map { value(of: $0) })
        case .dictionary(let values): .object(values.mapValues { value(of: $0) })
        }
    }
}
