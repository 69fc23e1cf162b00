import Basics
import StepKit
import Steps
import Testing

@testable import PipelineDSL

/// What a plug-in finds wrong with settings of the right shape is said when the document is read, at its place.
@Suite struct SettingProblemTests {
    private func errors(_ systems: String, _ step: String = "exec: [a]") -> [Diagnostic] {
        let text = """
            name: x
            systems:
              home: {type: directory, path: /srv/home}
              \(systems)
            repositories:
              vault: {type: local, path: /backup/vault, password: {fromFile: /etc/pw}}
            parameters: {last: {type: integer, default: 3}, pattern: {type: string, default: "a"}}
            steps:
              - \(step)
            """
        return Compiler.compile([SourceText(name: "a.yaml", bytes: Array(text.utf8))], catalog: .standard).diagnostics
            .filter { $0.severity == .error }
    }

    @Test(arguments: [
        ("s: {type: directory, path: /srv/s, excludes: [\"a[\"]}", "a["), ("s: {type: directory, path: /srv/s, iexcludes: [SRV]}", "SRV"),
        ("s: {type: directory, path: /srv/s, excludeIfPresent: a/b}", "a/b"), ("s: {type: btrfs, path: /srv/s, excludes: [s]}", "`s`"),
        ("s: {type: command, identity: s, source: {\"..\": [x]}}", ".."),
        ("s: {type: command, identity: s, quiesce: [x]}", "ends the rest"),
    ]) func systems(_ system: String, _ found: String) {
        let errors = errors(system)
        #expect(errors.map(\.code) == ["wrong-value"] && errors.first?.mark.line == 4)
        #expect(errors.first?.found.contains(found) == true, "\(errors)")
    }

    @Test(arguments: [
        ("prune: vault\n    keep: {}", "keep"), ("prune: vault\n    keep: {last: 0, tags: []}", "keep"),
        ("copy: home\n    to: vault\n    excludes: [\"a[z-a\"]", "excludes"),
    ]) func steps(_ step: String, _ setting: String) {
        let errors = errors("", step)
        #expect(errors.map(\.code) == ["wrong-value"] && errors.first?.message.contains("`\(setting)`") == true, "\(errors)")
    }

    @Test(arguments: [
        "prune: vault\n    keep: {last: \"${parameters.last}\"}", "prune: vault\n    keep: {tags: [\"${parameters.pattern}\"]}",
        "copy: home\n    to: vault\n    excludes: [\"${parameters.pattern}[\"]",
    ]) func whatIsNotKnownYetIsNotJudged(_ step: String) {
        #expect(errors("", step).isEmpty, "\(errors("", step))")
    }
}
