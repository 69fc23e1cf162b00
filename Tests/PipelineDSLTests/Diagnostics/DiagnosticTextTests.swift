import Basics
import Testing

@testable import PipelineDSL

/// Every mistake as its author reads it: place, line, what was expected, what was found, what to do.
@Suite struct DiagnosticTextTests {
    static func text(_ result: CompileResult) -> String { DiagnosticRendering.text(result.diagnostics.filter { $0.severity == .error }) }
    static func text(steps: String, extra: String = "") -> String { text(Compiling.result(steps: steps, extra: extra)) }

    @Test func manyWarningsHideNoError() {
        let unused = (1...250).map { "  s\($0): {type: volume, path: /srv/\($0)}\n" }.joined()
        let result = Compiling.result(
            "name: nightly\nsystems:\n\(unused)steps:\n  - exec: {argv: [\"true\"]}\n  - copy: nosuch\n    to: vault\n")
        #expect(result.hasErrors && result.plans.isEmpty)
        #expect(result.diagnostics.contains { $0.severity == .error && $0.message.contains("nosuch") })
        #expect(result.remainder?.contains("more warnings not shown") == true, "\(result.remainder ?? "nothing")")
        #expect(result.diagnostics.count < 250)
    }

    /// The hint of each key that is shown; those that are only counted cost nothing.
    @Test func manyUnknownKeysAreCountedAndTheFirstExplained() {
        let keys = (0..<40_000).map { "    pahtt\($0): 1\n" }.joined()
        let result = Compiling.result("name: x\nsystems:\n  v:\n    type: volume\n    pth: /v\n\(keys)steps: [{exec: {argv: [a]}}]\n")
        let errors = result.diagnostics.filter { $0.severity == .error }
        #expect(errors.count == 100 && result.remainder?.contains("39902 more errors") == true, "\(result.remainder ?? "nothing")")
        #expect(errors.first?.hint == "did you mean `path`?" && errors.first?.expected.contains("path") == true)
        #expect(errors.dropFirst().allSatisfy { $0.code == "unknown-key" && $0.expected.contains("path") })
    }

    /// Whatever is wrong with a line: a secret written out in it is shown to nobody.
    @Test(arguments: [
        "  v: {type: lokal, path: /v, password: hunter2}", "  v: {type: local, path: /v, passwrd: hunter2}",
        "  v: {type: local, path: /v, password: hunter2]",
        "  v:\n    type: local\n    path: /v\n    password: {fromEnv: P}\n    password: hunter2",
        "  v: {type: local, path: /v, password: &p hunter2}", "  v: {type: local, path: /v, password: {fromFile: hunter2}}",
        "  v: {type: local, path: /v, \"password\": \"hunter2\"}",
    ])
    func aSecretThatIsWrittenOutIsNotShown(_ repository: String) {
        let result = Compiling.result("name: x\nrepositories:\n\(repository)\nsteps: [{exec: {argv: [a]}}]\n")
        #expect(result.hasErrors)
        let text = DiagnosticRendering.text(result.diagnostics)
        #expect(!text.contains("hunter2"), "\(text)")
    }

    @Test func whatIsShownDoesNotSteerATerminalAndIsNotEndless() {
        let result = Compiling.result("name: x\n\"\\e[2J\\e]0;pwn\\a\": 1\n\(String(repeating: "k", count: 100_000)): 1\nsteps: []\n")
        let text = DiagnosticRendering.text(result.diagnostics)
        #expect(result.hasErrors && !text.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" })
        #expect(text.utf8.count < 10_000)
    }

    @Test(arguments: ["", "# only a comment\n", "---\n---\n"])
    func aFileWithoutADocumentIsAnError(_ text: String) {
        #expect(Compiling.result(text).diagnostics.map(\.code) == ["no-document"])
    }

    @Test func aByteOrderMarkIsNoMistake() {
        #expect(Compiling.result("\u{FEFF}name: x\nsteps: [{exec: {argv: [a]}}]\n").diagnostics.isEmpty)
    }

    @Test func tooManyStepsOrDependenciesAreAnErrorAtOnce() {
        func blocks(_ size: Int) -> String {
            let block = { (name: String) in
                "  - parallel:\n" + (0..<size).map { "      - exec: {argv: [a]}\n        id: \(name)\($0)\n" }.joined()
            }
            return "name: x\nsteps:\n" + block("a") + block("b")
        }
        #expect(!Compiling.result(blocks(100)).hasErrors)
        #expect(Compiling.result(blocks(200)).diagnostics.map(\.message) == ["the pipeline has too many dependencies"])
        #expect(Compiling.result(blocks(1100)).diagnostics.map(\.message) == ["the pipeline has too many steps"])
    }

    @Test func allAtOnce() {
        #expect(
            Self.text(
                Compiling.result(
                    """
                    name: nightly
                    shedule: {cron: "15 2 * *"}
                    systems:
                      home: {type: volum, path: /srv/home}
                      data: {type: volume, path: srv/data, staging: 64}
                    repositories:
                      near: {type: local, path: /backup, password: hunter2}
                    steps:
                      - copy: home
                        to: near
                        retries: {attempts: 5}
                      - copi: data
                    """)) == """
                    test.yaml:2:1: error: `shedule` is not a key of a pipeline
                        shedule: {cron: "15 2 * *"}
                        ^
                      expected: one of blackouts, hooks, kind, labels, limits, name, objectives, parameters, repositories, schedule, steps, systems
                      found:    shedule
                      do:       did you mean `schedule`?

                    test.yaml:4:16: error: system home has a type that this program does not know
                          home: {type: volum, path: /srv/home}
                                       ^
                      expected: one of application, disk, stream, volume
                      found:    volum
                      do:       did you mean `volume`?

                    test.yaml:5:30: error: system data: path has the wrong type
                          data: {type: volume, path: srv/data, staging: 64}
                                                     ^
                      expected: an absolute path
                      found:    the text "srv/data"

                    test.yaml:5:49: error: system data: staging has the wrong type
                          data: {type: volume, path: srv/data, staging: 64}
                                                                        ^
                      expected: a size with its unit such as 64MiB
                      found:    the number 64
                      do:       write the unit: 64MiB

                    test.yaml:7:48: error: repository near: password is a secret: only a reference to it may stand here
                          near: {type: local, path: /backup, password: …
                                                                       ^
                      expected: a reference: {fromEnv: NAME} or {fromFile: /path}
                      found:    a plain value
                      do:       write {fromFile: /run/secrets/NAME} or {fromEnv: NAME}

                    test.yaml:11:5: error: `retries` is not a key of step `copy`
                            retries: {attempts: 5}
                            ^
                      expected: one of after, as, continueOnError, forEach, id, limits, priority, retry, runOn, tags, timeout, to, when
                      found:    retries
                      do:       did you mean `retry`?

                    test.yaml:12:5: error: a step needs a verb
                          - copi: data
                            ^
                      expected: one of approve, attach, copy, exec, prune, quiesce, restore, snapshot, verify, parallel
                      found:    copi
                      do:       did you mean `copy`?
                    """)
    }

    @Test func colour() {
        let diagnostic = Diagnostic(
            severity: .error, code: "x", message: "wrong", source: "a.yaml", mark: SourceMark(line: 1, column: 3), line: "\tab")
        #expect(
            DiagnosticRendering.text([diagnostic], colour: true)
                == "a.yaml:1:3: \u{1B}[1;31merror:\u{1B}[0m wrong\n    \tab\n    \t \u{1B}[1;32m^\u{1B}[0m")
        #expect(DiagnosticRendering.text([diagnostic]) == "a.yaml:1:3: error: wrong\n    \tab\n    \t ^")
    }

    @Test func json() {
        let diagnostic = Diagnostic(
            severity: .warning, code: "unused", message: "m", expected: "e", found: "f", hint: "h", source: "a.yaml",
            mark: SourceMark(line: 4, column: 2), line: "text")
        #expect(
            DiagnosticRendering.json([diagnostic]) == [
                [
                    "severity": "warning", "code": "unused", "message": "m", "expected": "e", "found": "f", "hint": "h", "source": "a.yaml",
                    "line": 4, "column": 2,
                ]
            ])
    }

    @Test func aSecretIsNotRepeated() {
        let result = Compiling.result(
            steps: "- copy: data\n  to: near", extra: "hooks: [{on: [failed], url: 'https://h', secret: hunter2}]\n")
        #expect(result.hasErrors)
        #expect(result.diagnostics.allSatisfy { !$0.found.contains("hunter2") && !$0.message.contains("hunter2") })
    }

    static let mistakes: [(steps: String, text: String)] = [
        // a cycle
        (
            "- copy: data\n  to: near\n  after: [verify]\n- verify: copy",
            """
            test.yaml:11:5: error: these steps wait for each other
                  - copy: data
                    ^
              expected: an order in which each can run
              found:    copy-data -> verify-copy -> copy-data
              do:       change an `after:`, or remove a reference to an output of a later step
            """
        ),
        // an unknown step
        (
            "- copy: data\n  to: near\n- verify: coppy",
            """
            test.yaml:13:13: error: no step is called coppy
                  - verify: coppy
                            ^
              expected: one of copy-data, verify-coppy
              found:    coppy
              do:       did you mean `copy`?
            """
        ),
        // a reference that could be two steps
        (
            "- copy: data\n  to: near\n- copy: logs\n  to: near\n- verify: copy",
            """
            test.yaml:15:13: error: `copy` could be several steps
                  - verify: copy
                            ^
              expected: one of copy-data, copy-logs
              found:    copy
              do:       name one of them by its id
            """
        ),
        // the same step twice
        (
            "- copy: data\n  to: near\n- copy: data\n  to: near",
            """
            test.yaml:13:5: error: two steps are called copy-data
                  - copy: data
                    ^
              expected: an id of its own for each step
              found:    copy-data
              do:       give one of them an `id:`
            """
        ),
        // a step that may not have run
        (
            "- copy: data\n  to: near\n  when: \"${job.id == 'x'}\"\n- exec: [echo, \"${steps.copy-data.outputs.bytes}\"]",
            """
            test.yaml:14:18: error: exec uses copy-data, which may not have run
                  - exec: [echo, "${steps.copy-data.outputs.bytes}"]
                                 ^
              expected: the same `when` on both
              found:    no `when`
              do:       give exec `when: "${job.id == 'x'}"`
            """
        ),
        // slow work while an application is frozen
        (
            "- quiesce: app\n- copy: logs\n  to: near\n- snapshot: data\n- copy: data\n  to: near",
            """
            test.yaml:12:5: error: copy-logs would run while quiesce-app keeps its systems frozen
                  - copy: logs
                    ^
              expected: only quiesce, snapshot and instant steps before snapshot-data
              found:    `copy`
              do:       move it above quiesce-app or below the snapshots
            """
        ),
        // a freeze for nothing
        (
            "- quiesce: app\n- copy: data\n  to: near",
            """
            test.yaml:11:5: error: quiesce-app freezes, but no snapshot is taken while it holds
                  - quiesce: app
                    ^
              expected: a `snapshot:` below it
              found:    none
              do:       add `- snapshot: SYSTEM` right below, or remove the quiesce
            """
        ),
        // a snapshot that is neither instant nor bounded
        (
            "- quiesce: app\n- snapshot: slow\n- copy: slow\n  to: near",
            """
            test.yaml:12:5: error: snapshot-slow would keep its systems frozen for too long
                  - snapshot: slow
                    ^
              expected: a snapshot that is instant, or a staging copy bounded in size
              found:    volume without such a snapshot
              do:       give system slow a bound such as `staging: 64MiB`
            """
        ),
        // a system that can't
        (
            "- snapshot: app\n- copy: data\n  to: near",
            """
            test.yaml:11:15: error: `snapshot` can't act on app: a system of type application is not able to
                  - snapshot: app
                              ^
              expected: a system with snapshotting
              found:    application with quiescing
              do:       types that can: disk, volume
            """
        ),
        // a system that is not there
        (
            "- copy: dta\n  to: naer",
            """
            test.yaml:11:11: error: no system is called dta
                  - copy: dta
                          ^
              expected: one of app, data, logs, slow
              found:    dta
              do:       did you mean `data`?

            test.yaml:12:9: error: no repository is called naer
                    to: naer
                        ^
              expected: one of far, near
              found:    naer
              do:       did you mean `near`?
            """
        ),
        // references to nothing
        (
            "- copy: data\n  to: near\n- exec: [echo, \"${steps.copy-data.outputs.byts} ${steps.copy-dat.outputs.x} ${parameters.p}\"]",
            """
            test.yaml:13:18: error: copy-data has no output byts
                  - exec: [echo, "${steps.copy-data.outputs.byts} ${steps.copy-dat.outputs.x} ${parameters.p}"]
                                 ^
              expected: one of bytes, snapshotID
              found:    byts
              do:       did you mean `bytes`?

            test.yaml:13:18: error: no step is called copy-dat
                  - exec: [echo, "${steps.copy-data.outputs.byts} ${steps.copy-dat.outputs.x} ${parameters.p}"]
                                 ^
              expected: one of copy-data, exec
              found:    copy-dat
              do:       did you mean `copy-data`?

            test.yaml:13:18: error: no parameter is called p
                  - exec: [echo, "${steps.copy-data.outputs.byts} ${steps.copy-dat.outputs.x} ${parameters.p}"]
                                 ^
              expected: a name declared under `parameters:`
              found:    p
            """
        ),
        // wrong units and values
        (
            "- copy: data\n  to: near\n  timeout: 30\n  retry: {attempts: none}\n  priority: \"1\"",
            """
            test.yaml:13:14: error: step `copy`: timeout has the wrong type
                    timeout: 30
                             ^
              expected: a time with its unit such as 30s, 2h or 7d
              found:    the number 30
              do:       write the unit: 30s

            test.yaml:14:23: error: step `copy`: retry.attempts has the wrong type
                    retry: {attempts: none}
                                      ^
              expected: a whole number from 1 to 1000
              found:    the text "none"

            test.yaml:15:15: error: step `copy`: priority has the wrong type
                    priority: "1"
                              ^
              expected: a whole number from -1000 to 1000
              found:    the text "1"
            """
        ),
        // two verbs, no verb
        (
            "- copy: data\n  to: near\n  prune: near\n- id: x",
            """
            test.yaml:13:5: error: a step has one verb
                    prune: near
                    ^
              expected: one verb
              found:    copy, prune
              do:       write two steps, each with a dash of its own

            test.yaml:14:5: error: a step needs a verb
                  - id: x
                    ^
              expected: one of approve, attach, copy, exec, prune, quiesce, restore, snapshot, verify, parallel
              found:    id
            """
        ),
        // an expression without quotes
        (
            "- exec: {argv: [echo, ${item}]}",
            """
            test.yaml:11:25: error: an expression inside {} or [] has to be quoted
                  - exec: {argv: [echo, ${item}]}
                                        ^
              expected: "${...}"
              found:    ${ without quotes
              do:       write it as "${...}"
            """
        ),
    ]

    @Test(arguments: mistakes) func mistake(_ steps: String, _ text: String) { #expect(Self.text(steps: steps) == text) }

    @Test func anIdentityMayNotBeSecret() {
        #expect(
            Self.text(
                Compiling.result(
                    "name: n\nsystems:\n  s: {type: stream, source: [pg_dump], identity: {fromEnv: X}}\nrepositories:\n  r: {type: local, path: {fromFile: /p}, password: {fromEnv: P}}\nsteps:\n  - copy: s\n    to: r\n"
                )) == """
                    test.yaml:3:50: error: system s: identity may not be secret: it identifies or steers what is done
                          s: {type: stream, source: [pg_dump], identity: {fromEnv: X}}
                                                                         ^
                      expected: a plain value
                      found:    a reference to a secret
                      do:       only passwords, keys and tokens are given by reference

                    test.yaml:5:26: error: repository r: path may not be secret: it identifies or steers what is done
                          r: {type: local, path: {fromFile: /p}, password: {fromEnv: P}}
                                                 ^
                      expected: a plain value
                      found:    a reference to a secret
                      do:       only passwords, keys and tokens are given by reference
                    """)
    }
}
