import Basics
import FlowModel
import StepKit
import Steps
import Testing

@testable import PipelineDSL

/// What is accepted and does nothing says so, at its place, and what to do meanwhile; what can never work is an error.
@Suite struct IdleKeyTests {
    private func result(_ keys: String, _ step: String = "copy: home\n    to: vault", catalog: Catalog = .standard) -> CompileResult {
        let text = """
            name: x
            systems:
              home: {type: directory, path: /srv/home, staging: 1GiB}
              work: {type: directory, path: /srv/work, staging: 1GiB}
              db: {type: postgresql}
            repositories: {vault: {type: local, path: /backup/vault, password: {fromFile: /etc/pw}}}
            \(keys)
            steps:
              - \(step)
            """
        return Compiler.compile([SourceText(name: "a.yaml", bytes: Array(text.utf8))], catalog: catalog)
    }

    private func idle(_ result: CompileResult) -> [Diagnostic] { result.diagnostics.filter { $0.code == Finding.idle } }

    @Test(arguments: [
        ("schedule: {cron: \"7 3 * * *\"}", "`7 3 * * * snappy-flow submit FILE`"), ("objectives: {rpo: 26h}", "snapshots list"),
        ("blackouts: [{from: \"08:00\", to: \"18:00\"}]", "cron"), ("hooks: [{on: [failed], url: \"https://h.example\"}]", "exit status"),
        ("schedule: {cron: \"15 2 * * *\", suspended: true}", "15 2 * * *"),
    ]) func keysOfAPipeline(_ key: String, _ meanwhile: String) throws {
        let result = result(key)
        let warning = try #require(idle(result).first)
        #expect(idle(result).count == 1 && warning.severity == .warning && result.plans.count == 1 && !result.hasErrors)
        #expect(warning.mark == SourceMark(line: 7, column: 1) && warning.line == key)
        #expect(warning.message.contains("`\(key.prefix { $0 != ":" })` of a pipeline is accepted and does nothing yet"))
        #expect(warning.hint.contains(meanwhile), "\(warning.hint)")
    }

    @Test(arguments: [
        ("external: {topic: tapes}", "topic", 16, "jobs approve"), ("snapshot: home\n    suffix: night", "suffix", 5, "leave it out"),
        ("approve: {by: [ann]}\n    retry: {attempts: 5}", "retry", 5, "leave it out"),
    ]) func keysOfSteps(_ step: String, _ key: String, _ column: Int, _ meanwhile: String) throws {
        let result = result("", step)
        let warning = try #require(idle(result).first)
        #expect(idle(result).count == 1 && !result.hasErrors && warning.message.contains("`\(key)`"), "\(warning)")
        #expect(warning.mark == SourceMark(line: step.contains("\n") ? 10 : 9, column: column), "\(warning)")
        #expect(warning.hint.contains(meanwhile), "\(warning)")
    }

    @Test func whatDoesSomethingIsNotWarnedOf() {
        #expect(idle(result("limits: {array: 2}", "{copy: home, to: vault, limits: array, retry: {attempts: 2}}")).isEmpty)
    }

    @Test func limitsAndParametersThatNothingUses() {
        let keys = "limits: {array: 2, tape: 1}\nparameters: {p: {type: string, default: a}, q: {type: string, default: b}}"
        let unused = result(keys, "{copy: home, to: vault, limits: array, tags: [\"${parameters.q}\"]}").diagnostics
            .filter { $0.code == "unused" }
        #expect(
            unused.map(\.message).filter { $0.contains("limit ") || $0.contains("parameter ") } == [
                "nothing uses limit tape", "nothing uses parameter p",
            ])
        #expect(unused.filter { $0.message.contains("tape") }.map(\.mark) == [SourceMark(line: 7, column: 20)])
    }

    @Test func theSchemaSaysIt() throws {
        let schema = try #require(DocumentSchema.schema(of: "Pipeline", catalog: .standard)).canonicalText
        #expect(schema.components("Does nothing yet") >= 6)
    }

    // MARK: what can't work

    private func error(_ result: CompileResult) throws -> Diagnostic {
        let errors = result.diagnostics.filter { $0.severity == .error }
        #expect(errors.count == 1, "\(errors)")
        return try #require(errors.first)
    }

    @Test func aCallbackIsRefusedWhereItIsWritten() throws {
        let error = try error(result("", "http: {url: \"https://h.example\", wait: callback}"))
        #expect(error.mark == SourceMark(line: 9, column: 44) && error.message.contains("`wait`"), "\(error)")
        #expect(error.hint.contains("leave `wait` out"))
    }

    @Test func aGroupOfWhatHasNoneIsRefused() throws {
        let error = try error(result("", "snapshot: [home, work]\n    group: true"))
        #expect(error.mark == SourceMark(line: 10, column: 12) && error.found == "directory" && error.hint.contains("quiesce"))
    }

    @Test func oneSystemIsAGroupOfItself() {
        #expect(!result("", "snapshot: home\n    group: true").hasErrors)
        #expect(!result("", "snapshot: [home, work]\n    group: false").hasErrors)
    }

    @Test(arguments: [
        ("", "", true), ("", ", clone: true", false), (", monitors: a", ", monitors: b", false),
        (", monitors: a", ", monitors: \"${parameters.p}\"", true),
    ]) func imagesOfOneClusterAreAGroup(_ one: String, _ other: String, _ isGood: Bool) {
        let text = """
            name: x
            parameters: {p: {type: string, default: a}}
            systems:
              a: {type: ceph-rbd, image: a\(one)}
              b: {type: ceph-rbd, image: b\(other)}
            steps:
              - {snapshot: [a, b], group: true}
            """
        let result = Compiler.compile([SourceText(name: "a.yaml", bytes: Array(text.utf8))], catalog: .standard)
        #expect(!result.hasErrors == isGood, "\(result.diagnostics)")
    }

    private func checks(_ restore: String, window: Bool = false, of system: String = "home") -> CompileResult {
        let quiesce = window ? "quiesce: db\n  - snapshot: \(system)\n  - " : ""
        return result("", "\(quiesce)copy: \(system)\n    to: vault\n  - verify: copy\n    restore: \(restore)")
    }

    @Test func checksThatNobodyCanRunAreRefused() throws {
        let error = try error(checks("{checks: [{queries: []}]}"))
        #expect(error.mark == SourceMark(line: 12, column: 14) && error.found.contains("home, a system of type directory"), "\(error)")
        #expect(error.message.contains("`restore`") && error.hint.contains("leave `checks` out"))
        #expect(try self.error(checks("{into: work, checks: [{queries: []}]}")).found.contains("work"))
        #expect(!checks("{checks: [{queries: []}]}", of: "db").hasErrors)
        #expect(!checks("{}").hasErrors && !checks("{checks: []}").hasErrors)
    }

    @Test func theServerOfTheWindowChecksItsFiles() throws {
        #expect(!checks("{checks: [{queries: []}]}", window: true).hasErrors)
        let error = try error(checks("{checks: [{manifest: true}, {queries: [{database: a, sql: b, expct: c}]}]}", window: true))
        #expect(error.found == "checks[1].queries[0].expct" && error.expected == "one of database, expect, sql")
    }
}

extension String {
    fileprivate func components(_ part: String) -> Int { ranges(of: part).count }
}
