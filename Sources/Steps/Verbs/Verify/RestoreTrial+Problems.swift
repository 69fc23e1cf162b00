import FlowModel
import StepKit

/// What can be known of `checks:` before anything is restored: whether somebody can run them, and whether all that is asked is understood.
extension RestoreTrial {
    func problems(about subject: StepSubject) -> [SettingProblem] {
        guard !checks.isEmpty else { return [] }
        // Of a repository, what its snapshots are of is known when it is read.
        let restored = into.map { name in subject.named[name].map { [$0] } ?? [] } ?? subject.systems
        var problems: [SettingProblem] = []
        for system in restored {
            let candidates = into == nil ? [system] + (subject.completing[system.name] ?? []) : [system]
            if let schema = candidates.lazy.compactMap({ $0.type.checkSchema }).first {
                problems += unknownKeys(schema)
            } else {
                problems.append(nobody(to: system))
            }
        }
        // Once is enough for several systems of one kind.
        return Array(problems.prefix(1))
    }

    private func nobody(to system: StepSubject.System) -> SettingProblem {
        SettingProblem(
            Self.checksKey, expected: "checks of a system that can check what is restored",
            found: "\(system.name), a system of type \(system.type.name), which has no checks",
            advice: "leave `checks` out: every file is compared with the copy all the same; "
                + "a server's files are checked where it is quiesced in their window")
    }

    private func unknownKeys(_ schema: SettingsSchema) -> [SettingProblem] {
        checks.enumerated().compactMap { index, check in
            schema.unknownKey(in: check, at: "\(Self.checksKey)[\(index)]").map { key in
                SettingProblem(
                    Self.checksKey, expected: "one of \(key.known.sorted().joined(separator: ", "))", found: key.path,
                    advice: "what is misspelled would not be checked")
            }
        }
    }
}
