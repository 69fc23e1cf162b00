import Basics

/// The five fields of a cron expression (POSIX crontab, with names, steps and ranges).
enum CronExpression {
    private struct Field {
        var name: String
        var range: ClosedRange<Int>
        var words: [String] = []
    }

    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    private static let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    private static let fields = [
        Field(name: "minute", range: 0...59), Field(name: "hour", range: 0...23), Field(name: "day of month", range: 1...31),
        Field(name: "month", range: 1...12, words: months), Field(name: "day of week", range: 0...7, words: days),
    ]

    /// What JSON Schema can say of it: all but that a span begins before it ends.
    static var pattern: String { "^ *" + fields.map(pattern).joined(separator: " +") + " *$" }

    private static func pattern(_ field: Field) -> String {
        let letters = field.words.map { word in word.map { "[\($0.uppercased())\($0)]" }.joined() }
        let value = "(0*(" + field.range.map(String.init).joined(separator: "|") + ")" + letters.map { "|" + $0 }.joined() + ")"
        let step = "0*(" + (1...field.range.upperBound).map(String.init).joined(separator: "|") + ")"
        let item = "(\\*|\(value)(-\(value))?)(/\(step))?"
        return "\(item)(,\(item))*"
    }

    /// What is wrong with it, or nil.
    static func problem(in text: String) -> String? {
        let parts = text.split(separator: " ")
        guard parts.count == fields.count else { return "it has \(parts.count.counted("field"))" }
        for (part, field) in zip(parts, fields) {
            for item in part.split(separator: ",", omittingEmptySubsequences: false) where !isGood(item, field) {
                return "`\(item)` is not a \(field.name)"
            }
        }
        return nil
    }

    private static func isGood(_ item: Substring, _ field: Field) -> Bool {
        let halves = item.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count <= 2, let span = halves.first else { return false }
        if halves.count == 2 {
            guard let step = Int(halves[1]), step > 0, step <= field.range.upperBound else { return false }
        }
        if span == "*" { return true }
        let ends = span.split(separator: "-", omittingEmptySubsequences: false)
        let values = ends.compactMap { value($0, field) }
        guard values.count == ends.count, (1...2).contains(values.count) else { return false }
        return values.count == 1 || values[0] <= values[1]
    }

    private static func value(_ text: Substring, _ field: Field) -> Int? {
        if let index = field.words.firstIndex(of: text.lowercased()) { return index + field.range.lowerBound }
        guard text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let value = Int(text), field.range.contains(value) else { return nil }
        return value
    }
}
