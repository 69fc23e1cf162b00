import Basics
import StepKit

/// What a manifest says of settings beyond their shapes: which texts are right (`matches`), which go together (`requires`, `conflicts`).
struct ManifestRules: Sendable {
    /// By setting: a regular expression for all of the text.
    private var patterns: [String: String] = [:]
    /// By setting: what must be given beside it.
    private var required: [String: [String]] = [:]
    /// By setting: what must not be given beside it.
    private var excluded: [String: [String]] = [:]

    /// `json`: a system of the manifest.
    init(_ json: JSONValue, _ schema: SettingsSchema, _ reader: ManifestReader) throws(StepError) {
        for declared in json["settings"]?.arrayValue ?? [] {
            guard let name = declared["name"]?.stringValue, let said = declared["matches"] else { continue }
            guard let pattern = said.stringValue, (try? Regex(pattern)) != nil, schema[name]?.type.isText == true else {
                throw reader.error("`matches` of a text: a regular expression", said.canonicalText)
            }
            patterns[name] = pattern
        }
        required = try Self.names(json["requires"], "requires", schema, reader)
        excluded = try Self.names(json["conflicts"], "conflicts", schema, reader)
    }

    private static func names(
        _ json: JSONValue?, _ key: String, _ schema: SettingsSchema, _ reader: ManifestReader
    ) throws(StepError) -> [String: [String]] {
        guard let json else { return [:] }
        var found: [String: [String]] = [:]
        for (name, others) in json.objectValue ?? ["": .null] {
            let names = others.arrayValue?.compactMap(\.stringValue) ?? []
            guard schema[name] != nil, !names.isEmpty, names.allSatisfy({ schema[$0] != nil }) else {
                throw reader.error("`\(key)`: for the name of a setting, names of others", json.canonicalText)
            }
            found[name] = names
        }
        return found
    }

    /// Of a setting with an expression in it nobody asks.
    func problems(in settings: Settings) -> [SettingProblem] {
        let given = settings.values.filter { !$0.value.isNull }
        var problems: [SettingProblem] = []
        for (name, pattern) in patterns.sorted(by: { $0.key < $1.key }) {
            guard let text = given[name]?.stringValue, !text.contains("${"), let regex = try? Regex(pattern),
                text.wholeMatch(of: regex) == nil
            else { continue }
            problems.append(SettingProblem(name, expected: "a text that matches \(pattern)", found: "\"\(text)\""))
        }
        for (name, others) in required.sorted(by: { $0.key < $1.key }) where given[name] != nil {
            for other in others where given[other] == nil {
                problems.append(SettingProblem(name, expected: "`\(other)` beside `\(name)`", found: "none", advice: "add `\(other)`"))
            }
        }
        for (name, others) in excluded.sorted(by: { $0.key < $1.key }) where given[name] != nil {
            for other in others where given[other] != nil {
                problems.append(
                    SettingProblem(name, expected: "no `\(other)` beside `\(name)`", found: "both", advice: "take one of the two away"))
            }
        }
        return problems
    }
}

extension SettingType {
    fileprivate var isText: Bool {
        switch self {
        case .string, .path: true
        default: false
        }
    }
}
