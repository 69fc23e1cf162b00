import Basics
import FlowModel
import StepKit

/// Which view of its systems a step reads: what `as:` says, else the type's own one.
extension PipelineCompiler {
    mutating func chooseViews() {
        var reported: Set<SourceMark> = []
        for index in drafts.indices where !drafts[index].isCompensation {
            guard let reading = drafts[index].verb.reads, let step = drafts[index].written else { continue }
            let mark = step.places[ViewReading.setting] ?? drafts[index].mark
            let declared = step.settings[ViewReading.setting]?.stringValue
            if let declared, SystemView(rawValue: declared) == nil {
                // A word that is no view at all has been refused where it was read.
                guard declared.contains("${"), reported.insert(mark).inserted else { continue }
                report(
                    Finding(
                        "wrong-value", "`as` decides which steps there are, and so it is written out", expected: "tree or image",
                        found: declared, hint: "write two steps, each with a `when` of its own", at: mark))
                continue
            }
            for name in drafts[index].subjectSystems {
                guard let system = systems[name], let type = catalog.system(system.type) else { continue }
                let offered = reading == .views ? Self.views(of: type, system.settings) : type.attachedViews.sorted()
                guard let view = declared.flatMap(SystemView.init(rawValue:)) ?? offered.first else { continue }
                if !offered.contains(view) {
                    // A step that is made for each of several repositories is written once.
                    if reported.insert(mark).inserted { reportView(view, of: name, type, offered, for: drafts[index], at: mark) }
                } else if view != type.views.first || reading == .attachedViews {
                    drafts[index].planned.views = (drafts[index].planned.views ?? [:]).merging([name: view]) { $1 }
                }
            }
        }
    }

    /// Those for which the declared settings suffice.
    private static func views(of type: any SystemType, _ settings: [String: JSONValue]) -> [SystemView] {
        type.views.filter { view in
            type.attachedViews.contains(view) || type.settings(neededFor: view.source).allSatisfy { settings[$0] != nil }
        }
    }

    private mutating func reportView(
        _ view: SystemView, of name: String, _ type: any SystemType, _ offered: [SystemView], for draft: Draft, at mark: SourceMark
    ) {
        let able = catalog.systems.filter { $0.views.contains(view) }.map(\.name).sorted()
        let found = "\(name), a system of type \(type.name)"
        let expected =
            offered.isEmpty ? "a system that can be read" : "`as: \(offered.map(\.rawValue).joined(separator: "` or `as: "))` for \(found)"
        report(
            Finding(
                "wrong-view", "`\(draft.planned.verb)` can't read \(name) as \(view.words)", expected: expected,
                found: "`as: \(view.rawValue)`",
                hint: able.isEmpty ? "" : "types that have \(view.words): \(able.joined(separator: ", "))", at: mark))
    }
}
