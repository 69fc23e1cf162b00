import Basics
import StepKit

extension Finding {
    /// What a plug-in finds wrong with its settings, at the setting. None where an expression stands in it, whose value nobody knows yet.
    static func of(
        _ problem: SettingProblem, _ settings: [String: JSONValue], _ entries: [YAMLEntry], _ label: String, at mark: SourceMark
    ) -> [Finding] {
        guard settings[problem.setting]?.canonicalText.contains("${") != true else { return [] }
        let entry = entries.first { $0.key.scalarText == problem.setting }
        return [Finding(problem, label, at: entry?.value.mark ?? mark)]
    }

    init(_ problem: SettingProblem, _ label: String, at mark: SourceMark) {
        self.init(
            "wrong-value", "\(label): `\(problem.setting)` can't work", expected: problem.expected, found: problem.found,
            hint: problem.advice, at: mark)
    }
}
