import Basics
import Foundation
import Logging
import Rigs
import StepKit
import Testing

@testable import LogKit

/// How lines look, and that nothing in them acts on who reads them.
@Suite struct LogFormatTests {
    /// 2026-11-30T18:00:00.123Z
    private static let time = Instant(microseconds: 1_796_061_600_123_000)

    private func record(_ message: String, _ fields: [String: JSONValue] = [:], level: Logger.Level = .warning) -> LogRecord {
        LogRecord(time: Self.time, level: level, label: "worker", message: message, fields: fields)
    }

    @Test func aLineOfText() {
        let fields: [String: JSONValue] = [
            "worker": "host-12-ab", "attempt": 2, "verb": "copy", "step": "copy-vm[web1]", "job": "01a2071c", "path": "/srv/a b",
            "empty": "",
        ]
        let words = #"job=01a2071c step=copy-vm[web1] attempt=2 worker=host-12-ab empty="" path="/srv/a b" verb=copy"#
        #expect(
            LogFormat.text.line(record("it is tried again", fields))
                == "2026-11-30T18:00:00.123Z warning worker: it is tried again \(words)")
        #expect(LogFormat.brief.line(record("it is tried again", ["job": "1"])) == "warning: it is tried again job=1")
        #expect(LogFormat.text.line(record("said"), isStamped: false) == "said")
    }

    @Test func aLineOfJSONIsAnObject() throws {
        var told = record("a \"word\"\nand another", ["job": "1", "attempt": 2, "isLast": true, "time": "yesterday"])
        told.error = ["code": "no-space", "found": "none"]
        told.errorText = "somewhere: none"
        let line = LogFormat.json.line(told)
        #expect(!line.contains("\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["time"] as? String == "2026-11-30T18:00:00.123Z", "a field does not stand in for what every line has")
        #expect(object["level"] as? String == "warning" && object["label"] as? String == "worker")
        #expect(object["message"] as? String == "a \"word\"\nand another")
        #expect(object["job"] as? String == "1" && object["attempt"] as? Int == 2 && object["isLast"] as? Bool == true)
        #expect((object["error"] as? [String: Any])?["code"] as? String == "no-space")
    }

    /// Titles, cursors, C1, a line taken back, a line that looks like another, text turned round.
    private static let hostile = "a\u{1B}]0;mine\u{07}\u{9B}31m\u{7F}\rb\nerror: c\u{202E}txt\u{2066}\u{2028}\u{E0041}d"

    @Test(arguments: LogFormat.allCases) func nothingOfOthersActsOnTheReader(_ format: LogFormat) throws {
        var told = record(Self.hostile, ["user": .string(Self.hostile), Self.hostile: "key", "list": [.string(Self.hostile)]])
        told.error = ["found": .string(Self.hostile)]
        told.errorText = Self.hostile
        let line = format.line(told)
        #expect(!line.unicodeScalars.contains { $0.isUnprintable }, "\(line.debugDescription)")
        guard format == .json else { return }
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["message"] as? String == Self.hostile, "who parses it gets what was there")
    }

    @Test func aLongTextIsCutBetweenCharacters() {
        let long = String(repeating: "\u{1F468}", count: 5000)
        let cut = LogRecord.bounded("x" + long)
        #expect(cut.utf8.count < LogRecord.longestText + 50)
        #expect(cut.hasPrefix("x\u{1F468}") && !cut.contains("\u{FFFD}") && cut.hasSuffix("bytes)"))
        #expect(LogRecord.bounded("short") == "short")
    }

    @Test func thePageNamesWhatCanBeSaid() throws {
        let page = try String(contentsOfFile: FlowRig.packageRoot + "/docs/logging.md", encoding: .utf8)
        for choice in LogSettings.Choice.allCases {
            #expect(page.contains("**`\(choice.option)`** (`\(choice.variable)`)"), "\(choice)")
        }
        let words = LogFormat.allCases.map(\.rawValue) + LogSettings.Choice.levels.map(\.rawValue)
        for word in words { #expect(page.contains("`\(word)`"), "\(word)") }
        for level in LogSettings.Choice.levels { #expect(page.contains("- **`\(level.rawValue)`**: "), "\(level)") }
    }

    @Test func optionsAndVariablesAreRead() throws {
        var settings = LogSettings()
        try settings.read(["SNAPPY_FLOW_LOG_FORMAT": "json", "SNAPPY_FLOW_LOG_LEVEL": "debug", "SNAPPY_FLOW_LOG_TO": "syslog"])
        #expect(settings == LogSettings(format: .json, level: .debug, place: .syslog(socket: "/dev/log")))
        try settings.read(["SNAPPY_FLOW_LOG_FORMAT": ""])
        #expect(settings.format == .json, "an empty one says nothing")
        try settings.set(.place, "syslog:/run/other", at: "--log-to")
        #expect(settings.place == .syslog(socket: "/run/other"))
        for (choice, wrong) in [(LogSettings.Choice.format, "xml"), (.level, "trace"), (.place, "syslog:relative"), (.place, "stdout")] {
            let error = #expect(throws: Explanation.self) { try settings.set(choice, wrong, at: choice.option) }
            #expect(error?.kind == .invalidSetting && error?.location == choice.option && error?.found == "\"\(wrong)\"")
        }
        let error = #expect(throws: Explanation.self) { try settings.read(["SNAPPY_FLOW_LOG_LEVEL": "loud"]) }
        #expect(error?.location == "SNAPPY_FLOW_LOG_LEVEL")
    }
}
