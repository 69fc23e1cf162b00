import Basics
import FlowModel
import StepKit

/// The programs that a plan's steps and systems start, as the document names them: those that can be looked for before.
struct PlannedPrograms {
    struct Program: Hashable {
        /// A name that is looked for in PATH, or an absolute path.
        var path: String
        /// `system shop: quiesce`
        var origin: String
    }

    private(set) var all: [Program] = []

    init(_ plan: Plan) {
        for (name, planned) in plan.systems.sorted(by: { $0.key < $1.key }) {
            guard let type = Composition.catalog.system(planned.type) else { continue }
            add(planned.settings, type.schema, origin: "system \(name)")
        }
        for step in plan.steps where !step.isCompensation {
            guard let declaration = Composition.catalog.verb(step.verb)?.declaration else { continue }
            add(step.settings, declaration.schema, origin: "step \(step.id)")
        }
    }

    private mutating func add(_ settings: [String: JSONValue], _ schema: SettingsSchema, origin: String) {
        // Of a shell's command line nobody knows what it starts.
        guard settings["shell"]?.boolValue != true else { return }
        for field in schema.fields where field.type.holdsPrograms {
            guard let value = settings[field.name] else { continue }
            let calls = value.objectValue.map { $0.sorted { $0.key < $1.key }.map(\.value) } ?? [value]
            for call in calls {
                guard let path = call.arrayValue?.first?.stringValue, !path.contains("${"), path.hasPrefix("/") || !path.contains("/")
                else { continue }
                let program = Program(path: path, origin: "\(origin): \(field.name)")
                if !all.contains(program) { all.append(program) }
            }
        }
    }
}

extension SettingType {
    fileprivate var holdsPrograms: Bool {
        switch self {
        case .argv: true
        case .map(let type): type == .argv
        case .either(let types): types.contains(where: \.holdsPrograms)
        default: false
        }
    }
}
