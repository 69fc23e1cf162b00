import Basics
import FlowModel
import StepKit
import Testing

@testable import PipelineDSL

/// Short spellings for compiling in tests.
enum Compiling {
    static let head = """
        name: nightly
        systems:
          app: {type: application, address: app1, password: {fromEnv: APP_PW}}
          data: {type: volume, path: /srv/data}
          logs: {type: volume, path: /srv/logs}
          slow: {type: volume, path: /srv/slow, clones: false}
        repositories:
          near: {type: local, path: /backup/near, password: {fromFile: /run/near.pw}}
          far: {type: local, path: /backup/far, password: {fromFile: /run/far.pw}}

        """

    /// Compiles the common head with steps.
    static func result(steps: String, extra: String = "") -> CompileResult {
        result(head + extra + "steps:\n" + steps.split(separator: "\n").map { "  \($0)\n" }.joined())
    }

    static func result(_ text: String, _ more: String...) -> CompileResult {
        let sources = ([text] + more).enumerated().map { index, text in
            SourceText(name: index == 0 ? "test.yaml" : "more\(index).yaml", bytes: Array(text.utf8))
        }
        return Compiler.compile(sources, catalog: .paper)
    }

    static func plan(steps: String, extra: String = "") throws -> Plan {
        let result = result(steps: steps, extra: extra)
        return try only(result)
    }

    static func only(_ result: CompileResult) throws -> Plan {
        let errors = result.diagnostics.filter { $0.severity == .error }
        #expect(errors.isEmpty, Comment(rawValue: DiagnosticRendering.text(errors)))
        return try #require(result.plans.first).plan
    }

    /// The codes of the errors, in order.
    static func errors(steps: String, extra: String = "") -> [Diagnostic] {
        result(steps: steps, extra: extra).diagnostics.filter { $0.severity == .error }
    }
}

extension Plan {
    /// `copy-data < snapshot-data(output) quiesce-app(order)`
    func edges(_ id: StepID) -> String {
        (step(id)?.after ?? []).map { "\($0.step)(\($0.reason.rawValue))" }.joined(separator: " ")
    }

    var ids: [String] { steps.map(\.id.rawValue) }
}
