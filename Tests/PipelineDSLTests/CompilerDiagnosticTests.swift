import Basics
import Testing

@testable import PipelineDSL

/// Each wrong document: what it is told, and where.
@Suite struct CompilerDiagnosticTests {
    struct Wrong: Sendable, CustomTestStringConvertible {
        var name: String
        var steps: String
        var extra = ""
        var code: String
        /// A part of message, expected, found or hint.
        var says: String
        var testDescription: String { name }
    }

    static let wrong: [Wrong] = [
        Wrong(name: "unknown setting", steps: "- copy: data\n  too: near", code: "unknown-key", says: "did you mean `to`?"),
        Wrong(name: "unknown verb", steps: "- copi: data\n  to: near", code: "missing-verb", says: "did you mean `copy`?"),
        Wrong(name: "two verbs", steps: "- copy: data\n  prune: near\n  to: near", code: "two-verbs", says: "write two steps"),
        Wrong(name: "unknown system", steps: "- copy: dta\n  to: near", code: "unknown-system", says: "did you mean `data`?"),
        Wrong(name: "unknown repository", steps: "- copy: data\n  to: neer", code: "unknown-repository", says: "did you mean `near`?"),
        Wrong(name: "missing setting", steps: "- copy: data", code: "missing-key", says: "needs `to`"),
        Wrong(name: "wrong type", steps: "- copy: data\n  to: near\n  timeout: 30", code: "wrong-type", says: "write the unit: 30s"),
        Wrong(
            name: "wrong choice", steps: "- copy: data\n  to: near\n- verify: copy\n  read: al", code: "wrong-type", says: "metadata, all"),
        Wrong(name: "nested unknown key", steps: "- prune: near\n  keep: {lats: 3}", code: "unknown-key", says: "did you mean `last`?"),
        Wrong(
            name: "retry key", steps: "- copy: data\n  to: near\n  retry: {atempts: 3}", code: "unknown-key",
            says: "did you mean `attempts`?"),
        Wrong(
            name: "retry order", steps: "- copy: data\n  to: near\n  retry: {backoff: 1m, maxBackoff: 1s}", code: "wrong-value",
            says: "at least 1m"),
        Wrong(
            name: "duplicate id", steps: "- exec: [true]\n- exec: [id]".replacing("true", with: "'true'"), code: "duplicate-id",
            says: "give one of them an `id:`"),
        Wrong(
            name: "duplicate copy", steps: "- copy: data\n  to: near\n- copy: data\n  to: near", code: "duplicate-id", says: "copy-data"),
        Wrong(
            name: "ambiguous verb", steps: "- copy: data\n  to: near\n- copy: logs\n  to: near\n- verify: copy",
            code: "ambiguous-reference",
            says: "copy-data, copy-logs"),
        Wrong(name: "unknown step", steps: "- copy: data\n  to: near\n  after: [cpy]", code: "unknown-step", says: "no step is called cpy"),
        Wrong(
            name: "cycle", steps: "- exec: [a]\n  id: a\n  after: [c]\n- exec: [b]\n  id: b\n- exec: [c]\n  id: c", code: "cycle",
            says: "a -> b -> c -> a"),
        Wrong(
            name: "output of a later step", steps: "- exec: [echo, \"${steps.b.outputs.stdout}\"]\n  id: a\n- exec: [b]\n  id: b",
            code: "cycle",
            says: "a -> b -> a"),
        Wrong(
            name: "may not have run",
            steps: "- exec: [a]\n  id: a\n  when: \"${parameters.full}\"\n- exec: [b, \"${steps.a.outputs.stdout}\"]\n  id: b",
            extra: "parameters: {full: {type: boolean, default: true}}\n", code: "may-not-have-run",
            says: "give b `when: \"${parameters.full}\"`"),
        Wrong(
            name: "verify of a conditional copy", steps: "- copy: data\n  to: near\n  when: \"${parameters.full}\"\n- verify: copy",
            extra: "parameters: {full: {type: boolean}}\n", code: "may-not-have-run", says: "verify-copy uses copy-data"),
        Wrong(
            name: "wrong parameter", steps: "- exec: [\"${parameters.ful}\"]", extra: "parameters: {full: {type: string}}\n",
            code: "wrong-reference", says: "did you mean `full`?"),
        Wrong(
            name: "wrong output", steps: "- exec: [a]\n  id: a\n- exec: [\"${steps.a.outputs.stdot}\"]\n  id: b", code: "wrong-reference",
            says: "did you mean `stdout`?"),
        Wrong(
            name: "output by a bare verb", steps: "- copy: data\n  to: near\n- exec: [\"${steps.copy.outputs.bytes}\"]",
            code: "wrong-reference", says: "copy-data"),
        Wrong(name: "wrong job field", steps: "- exec: [\"${job.ide}\"]", code: "wrong-reference", says: "did you mean `id`?"),
        Wrong(name: "item without forEach", steps: "- exec: [\"${item}\"]", code: "wrong-reference", says: "no `forEach`"),
        Wrong(
            name: "parameter of another type", steps: "- copy: data\n  to: near\n- verify: copy\n  read: \"${parameters.share}\"",
            extra: "parameters: {share: {type: integer, default: 3}}\n", code: "wrong-type", says: "integer 3"),
        Wrong(
            name: "computed name", steps: "- copy: \"${parameters.x}\"\n  to: near", extra: "parameters: {x: {type: string}}\n",
            code: "wrong-type", says: "name the systems"),
        Wrong(
            name: "quiesce without snapshot", steps: "- quiesce: app\n- copy: data\n  to: near", code: "quiesce-without-snapshot",
            says: "add `- snapshot: SYSTEM`"),
        Wrong(
            name: "slow step in a window", steps: "- quiesce: app\n- copy: logs\n  to: near\n- snapshot: data", code: "slow-in-window",
            says: "copy-logs would run while quiesce-app"),
        Wrong(
            name: "program in a window", steps: "- quiesce: app\n- exec: [sync]\n- snapshot: data", code: "slow-in-window",
            says: "declare it `instant: true`"),
        Wrong(
            name: "slow step that a snapshot waits for",
            steps: "- quiesce: app\n- parallel:\n    - exec: [x]\n      id: x\n    - snapshot: data\n- snapshot: logs",
            code: "slow-in-window",
            says: "before snapshot-logs"),
        Wrong(
            name: "instant without timeout", steps: "- quiesce: app\n- snapshot: data\n- exec: {argv: [x]}\n  instant: true",
            code: "instant-without-timeout", says: "timeout: 5s"),
        Wrong(
            name: "instant longer than the hold",
            steps: "- quiesce: app\n  maxHold: 10s\n- exec: [x]\n  instant: true\n  timeout: 1m\n- snapshot: data",
            code: "slow-in-window", says: "a timeout below 10s"),
        Wrong(name: "slow snapshot", steps: "- quiesce: app\n- snapshot: slow", code: "slow-in-window", says: "staging: 64MiB"),
        Wrong(
            name: "needs a thaw inside", steps: "- quiesce: app\n- snapshot: data\n  after: [quiesce, thaw-app]", code: "cycle",
            says: "thaw-app"),
        Wrong(
            name: "missing capability", steps: "- quiesce: data\n- snapshot: logs", code: "missing-capability",
            says: "types that can: application"),
        Wrong(
            name: "capability of a setting", steps: "- restore: latest\n  from: near\n  to: app", code: "missing-capability",
            says: "treeDestination"),
        Wrong(name: "verify of no copy", steps: "- exec: [a]\n  id: a\n- verify: a", code: "wrong-subject", says: "the id of a copy step"),
        Wrong(
            name: "wrong snapshot", steps: "- restore: newest\n  from: near\n  to: data", code: "wrong-snapshot", says: "latest before TIME"
        ),
        Wrong(
            name: "unknown limit", steps: "- copy: data\n  to: near\n  limits: [arrey]", extra: "limits: {array: 2}\n",
            code: "unknown-limit", says: "did you mean `array`?"),
        Wrong(
            name: "a timeout of nothing", steps: "- copy: data\n  to: near\n  timeout: 0s", code: "wrong-value", says: "leaves no time"),
        Wrong(
            name: "a hold of nothing", steps: "- quiesce: app\n  maxHold: 0s\n- snapshot: data", code: "wrong-value",
            says: "leaves no time"),
        Wrong(
            name: "labels that no worker has", steps: "- quiesce: app\n  runOn: {site: a}\n- snapshot: data\n  runOn: {site: b}",
            code: "wrong-value",
            says: "site: b"),
        Wrong(name: "program as a text", steps: "- exec: rm -rf /", code: "wrong-type", says: "no shell takes part"),
        Wrong(name: "step key inside", steps: "- exec: {argv: [a], after: []}", code: "unknown-key", says: "beside `exec:`"),
        Wrong(
            name: "cron", steps: "- copy: data\n  to: near", extra: "schedule: {cron: \"61 2 * * *\"}\n", code: "wrong-schedule",
            says: "`61` is not a minute"),
        Wrong(
            name: "top key", steps: "- copy: data\n  to: near", extra: "scedule: {cron: \"1 2 * * *\"}\n", code: "unknown-key",
            says: "did you mean `schedule`?"),
        Wrong(
            name: "objectives", steps: "- copy: data\n  to: near", extra: "objectives: {rpo: 26}\n", code: "wrong-type",
            says: "write the unit: 26s"),
    ]

    @Test(arguments: wrong) func isExplained(_ wrong: Wrong) throws {
        let errors = Compiling.errors(steps: wrong.steps, extra: wrong.extra)
        let text = Comment(rawValue: DiagnosticRendering.text(errors))
        #expect(errors.map(\.code) == [wrong.code], text)
        let error = try #require(errors.first, text)
        let words = [error.message, error.expected, error.found, error.hint].joined(separator: " | ")
        #expect(words.contains(wrong.says), text)
        #expect(error.mark.line > 1 && !error.line.isEmpty, text)
    }

    @Test func allProblemsAtOnceInOrder() {
        let errors = Compiling.errors(steps: "- copy: dta\n  to: neer\n  timeout: 5\n- verify: nothing\n- prune: far\n  keep: {last: 0}")
        #expect(errors.map(\.code) == ["unknown-system", "unknown-repository", "wrong-type", "unknown-step", "wrong-type"])
        #expect(errors.map(\.mark.line) == [11, 12, 13, 14, 16])
    }

    static let declarations: [(text: String, code: String, says: String)] = [
        (
            "name: x\nsystems: {a: {type: volume, path: {fromEnv: P}}}\nrepositories: {}\nsteps: []", "secret-not-allowed",
            "may not be secret"
        ),
        ("name: x\nsystems: {a: {type: application, address: h, password: hunter2}}\nsteps: []", "plain-secret", "fromFile"),
        ("name: x\nsystems: {a: {type: stream, source: [tar], identity: {fromEnv: X}}}\nsteps: []", "secret-not-allowed", "identity"),
        ("name: x\nsystems: {a: {type: stream, source: [tar]}}\nsteps: [{exec: [a]}]", "no-identity", "write `identity:`"),
        ("name: x\nsystems: {a: {type: volum, path: /a}}\nsteps: []", "unknown-type", "did you mean `volume`?"),
        ("name: x\nsystems: {a: {type: volume, path: relative}}\nsteps: []", "wrong-type", "an absolute path"),
        ("name: x\nrepositories: {a: {type: local, path: /a}}\nsteps: []", "missing-key", "needs `password`"),
        ("name: x\nsystems: {a.b: {type: volume, path: /a}}\nsteps: []", "wrong-name", "a.b"),
        ("name: x y\nsteps: [{exec: [a]}]", "wrong-name", "x y"),
        ("steps: [{exec: [a]}]", "missing-key", "a name"),
        ("name: x", "missing-key", "no steps"),
        ("apiVersion: snappyflow.dev/v2\nkind: Pipeline\nmetadata: {name: x}\nspec: {}", "wrong-version", "snappyflow.dev/v1"),
        ("apiVersion: snappyflow.dev/v1\nkind: Pipline\nmetadata: {name: x}\nspec: {}", "unknown-kind", "did you mean `Pipeline`?"),
        ("schema: snappy/Pipeline/v1\nmetadata: {name: x, substitutions: [a]}\ndata: {steps: [{exec: [a]}]}", "layering", "deckhand"),
        ("name: x\nparameters: {p: {type: percent, default: 10}}\nsteps: [{exec: [a]}]", "wrong-type", "write the unit: 10%"),
        ("name: x\nparameters: {p: {type: string, default: {fromEnv: X}}}\nsteps: [{exec: [a]}]", "secret-not-allowed", "parameter p"),
        (
            "name: x\nsystems: {a: {type: volume, path: \"/${steps.b.outputs.stdout}\"}}\nsteps: [{exec: [b]}]", "wrong-reference",
            "known when the job starts"
        ),
    ]

    @Test(arguments: declarations.indices) func declarationIsExplained(_ index: Int) throws {
        let (text, code, says) = Self.declarations[index]
        let errors = Compiling.result(text).diagnostics.filter { $0.severity == .error }
        let comment = Comment(rawValue: DiagnosticRendering.text(errors))
        let error = try #require(errors.first { $0.code == code }, comment)
        #expect([error.message, error.expected, error.found, error.hint].joined(separator: " | ").contains(says), comment)
        #expect(!DiagnosticRendering.text([error]).contains("found:    hunter2"))
        #expect(Compiling.result(text).plans.isEmpty)
    }

    @Test func warningsLeaveThePlan() throws {
        let result = Compiling.result(steps: "- copy: data\n  to: near\n- snapshot: data")
        #expect(result.diagnostics.allSatisfy { $0.severity == .warning })
        #expect(result.diagnostics.contains { $0.code == "reads-live" && $0.mark.line == 11 })
        #expect(result.diagnostics.contains { $0.code == "unused" && $0.message.contains("logs") })
        #expect(result.plans.count == 1)
    }
}
