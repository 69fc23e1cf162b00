public import Basics
public import Logging

/// What is logged, how it looks and where it goes.
public struct LogSettings: Sendable, Hashable {
    public var format: LogFormat
    /// The least that is written.
    public var level: Logger.Level
    public var place: LogPlace

    public init(format: LogFormat = .text, level: Logger.Level = .info, place: LogPlace = .standardError) {
        self.format = format
        self.level = level
        self.place = place
    }

    /// What may be said of each, by option and by variable.
    public enum Choice: String, Sendable, Hashable, CaseIterable {
        case format, level, place

        /// `--log-format`
        public var option: String { self == .place ? "--log-to" : "--log-\(rawValue)" }
        /// `SNAPPY_FLOW_LOG_FORMAT`
        public var variable: String { self == .place ? "SNAPPY_FLOW_LOG_TO" : "SNAPPY_FLOW_LOG_\(rawValue.uppercased())" }

        var expected: String {
            switch self {
            case .format: LogFormat.allCases.map(\.rawValue).joined(separator: ", ")
            case .level: Self.levels.map(\.rawValue).joined(separator: ", ")
            case .place: "stderr, syslog or syslog:/SOCKET"
            }
        }

        /// Those that are in use here.
        static let levels: [Logger.Level] = [.error, .warning, .notice, .info, .debug]
    }

    /// Takes over what `text` says. Throws `.invalidSetting`, found at `location`.
    public mutating func set(_ choice: Choice, _ text: String, at location: String) throws(Explanation) {
        let refusal = Explanation(
            .invalidSetting, expected: choice.expected, found: "\"\(text)\"", at: location, advice: "write one of these, or leave it away")
        switch choice {
        case .format:
            guard let found = LogFormat(rawValue: text) else { throw refusal }
            format = found
        case .level:
            guard let found = Choice.levels.first(where: { $0.rawValue == text }) else { throw refusal }
            level = found
        case .place:
            guard let found = LogPlace(text) else { throw refusal }
            place = found
        }
    }

    /// Takes over what the variables of an environment say. An empty one says nothing. Throws `.invalidSetting`.
    public mutating func read(_ environment: [String: String]) throws(Explanation) {
        for choice in Choice.allCases {
            if let text = environment[choice.variable], !text.isEmpty { try set(choice, text, at: choice.variable) }
        }
    }
}
