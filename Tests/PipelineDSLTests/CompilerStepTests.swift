import Basics
import Crypto
import FlowModel
import Testing

@testable import PipelineDSL

/// Ids, order, references, what a step opens and holds.
@Suite struct CompilerStepTests {
    @Test func oneSubjectToSeveralRepositories() throws {
        let plan = try Compiling.plan(steps: "- copy: data\n  to: [near, far]\n- exec: [report]")
        #expect(plan.ids == ["copy-data-to-near", "copy-data-to-far", "exec"])
        #expect(plan.step("copy-data-to-far")?.settings["to"] == "far")
        #expect(plan.edges("copy-data-to-far") == "")
        #expect(plan.edges("exec") == "copy-data-to-far(order) copy-data-to-near(order)")

        let written = try Compiling.plan(steps: "- copy: data\n  to: near\n- copy: data\n  to: far\n- copy: logs\n  to: far")
        #expect(written.ids == ["copy-data-to-near", "copy-data-to-far", "copy-logs"])

        let named = try Compiling.plan(steps: "- copy: data\n  id: c\n  to: [near, far]\n- exec: [x]\n  after: [c]")
        #expect(named.ids == ["c-to-near", "c-to-far", "exec"])
        #expect(named.edges("exec") == "c-to-far(order) c-to-near(order)")
    }

    @Test func order() throws {
        let plan = try Compiling.plan(
            steps: """
                - exec: [a]
                  id: a
                - exec: [b]
                  id: b
                  after: []
                - parallel:
                    - exec: [c]
                      id: c
                    - exec: [d]
                      id: d
                      after: [a]
                - exec: [e]
                  id: e
                - exec: [f, "${steps.a.outputs.stdout}"]
                  id: f
                """)
        #expect(plan.edges("b") == "")
        #expect(plan.edges("c") == "b(order)")
        #expect(plan.edges("d") == "a(order)")
        #expect(plan.edges("e") == "c(order) d(order)")
        #expect(plan.edges("f") == "a(output) e(order)")
    }

    @Test func bareVerbsAndLists() throws {
        let plan = try Compiling.plan(
            steps: """
                - snapshot: [data, logs]
                - copy: [data, logs]
                  to: near
                - verify: copy-data-logs
                - exec: [x]
                  after: verify
                """)
        #expect(plan.ids == ["snapshot-data-logs", "copy-data-logs", "release-data-logs", "verify-copy-data-logs", "exec"])
        #expect(plan.step("copy-data-logs")?.snapshots == ["data": "snapshot-data-logs", "logs": "snapshot-data-logs"])
        #expect(plan.step("verify-copy-data-logs")?.subject == .step("copy-data-logs"))
        #expect(plan.edges("exec") == "verify-copy-data-logs(order)")
    }

    @Test func snapshotsThatAreRead() throws {
        let plan = try Compiling.plan(
            steps: """
                - snapshot: data
                  id: first
                - copy: data
                  to: near
                  id: one
                - snapshot: data
                  id: second
                - copy: data
                  to: near
                  id: two
                - exec: [look, "${steps.first.outputs.snapshots}"]
                """)
        #expect(plan.step("one")?.snapshots == ["data": "first"])
        #expect(plan.step("two")?.snapshots == ["data": "second"])
        #expect(plan.edges("release-first") == "exec(guarded) first(guarded) one(guarded)")
        #expect(plan.edges("release-second") == "second(guarded) two(guarded)")
    }

    @Test func whatIsOpenedAndHeld() throws {
        let plan = try Compiling.plan(
            steps: """
                - quiesce: app
                - snapshot: data
                - copy: data
                  to: near
                  limits: array
                - verify: copy
                  restore: {into: logs}
                - prune: near
                  keep: {last: 1}
                - restore: latest
                  from: far
                  to: logs
                """, extra: "limits: {array: 2}\n")
        let quiesce = try #require(plan.step("quiesce-app"))
        #expect(quiesce.secrets == [.environment("APP_PW")] && quiesce.systems == ["app"])
        #expect(quiesce.holds == [Hold(resource: "system/application:app1", mode: .exclusive)])
        let thaw = try #require(plan.step("thaw-app"))
        #expect(thaw.secrets == quiesce.secrets && thaw.systems == ["app"] && thaw.retry == .withoutEnd && thaw.workClass == .undo)
        #expect(thaw.undoes == "quiesce-app" && quiesce.undoneBy == "thaw-app")
        let copy = try #require(plan.step("copy-data"))
        #expect(copy.secrets == [.file("/run/near.pw")] && copy.repositories == ["near"])
        #expect(
            copy.holds == [
                Hold(resource: "limit/array", mode: .counted),
                Hold(resource: "parent/local:/backup/near/of/volume:/srv/data", mode: .exclusive),
                Hold(resource: "repository/local:/backup/near", mode: .shared),
                Hold(resource: "system/volume:/srv/data", mode: .shared),
            ])
        let verify = try #require(plan.step("verify-copy"))
        #expect(verify.systems == ["data", "logs"] && verify.repositories == ["near"] && verify.undoneBy == "drop-copy")
        #expect(plan.step("drop-copy")?.subject == .step("copy-data"))
        #expect(plan.step("prune-near")?.holds == [Hold(resource: "repository/local:/backup/near", mode: .exclusive)])
        let restore = try #require(plan.step("restore-latest"))
        #expect(restore.repositories == ["far"] && restore.systems == ["logs"] && restore.secrets == [.file("/run/far.pw")])
        #expect(plan.systems["data"]?.settings == ["path": "/srv/data", "clones": true, "excludes": []])
        #expect(plan.step("prune-near")?.settings["reclaimEvery"] == "7d")
    }

    @Test func stepKeys() throws {
        let plan = try Compiling.plan(
            steps: """
                - exec: {argv: [a], timeout: 60s}
                  id: a
                  retry: {attempts: 1}
                  continueOnError: true
                  runOn: {site: nyc1}
                  priority: 7
                  when: "${parameters.full}"
                - approve: {by: [ops], timeout: 90m}
                """, extra: "parameters: {full: {type: boolean, default: false}}\n")
        let step = try #require(plan.step("a"))
        #expect(step.timeout == .minutes(1) && step.retry == RetryPolicy(attempts: 1) && step.continueOnError && step.priority == 7)
        #expect(step.runOn == ["site": "nyc1"] && step.when == "${parameters.full}")
        #expect(plan.step("approve")?.timeout == .minutes(90))
    }

    @Test func everyEnvelopeGivesTheSamePlan() throws {
        let spec = "repositories: {r: {type: local, path: /r, password: {fromEnv: P}}}, steps: [{copy: s, to: r}]"
        let system = "kind: System\nname: s\ntype: volume\npath: /s\n"
        let plain = try Compiling.only(Compiling.result("{name: x, labels: {a: b}, \(spec)}", system))
        let kubernetes = try Compiling.only(
            Compiling.result(
                "{apiVersion: snappyflow.dev/v1, kind: Pipeline, metadata: {name: x, labels: {a: b}}, spec: {\(spec)}}\n---\n"
                    + "{apiVersion: snappyflow.dev/v1, kind: System, metadata: {name: s}, spec: {type: volume, path: /s}}"))
        let airship = try Compiling.only(
            Compiling.result(
                "{schema: snappy/Pipeline/v1, metadata: {schema: metadata/Document/v1, name: x, labels: {a: b}, layeringDefinition: {layer: site}}, data: {\(spec)}}",
                "{schema: snappy/System/v1, metadata: {name: s}, data: {type: volume, path: /s}}"))
        #expect(plain == kubernetes && plain == airship)
        #expect(plain.id == kubernetes.id && plain.systems["s"]?.identity == "volume:/s")
    }

    @Test func keyOrderCommentsAndSpellingChangeNothing() throws {
        let one = try Compiling.only(
            Compiling.result(
                """
                name: x
                systems: {a: {type: volume, path: /a, excludes: [b]}}
                repositories: {r: {type: local, path: /r, password: {fromEnv: P}}}
                steps:
                  - copy: a
                    to: r
                    timeout: 60s
                    retry: {attempts: 4, backoff: 90s, maxBackoff: 1h}
                """))
        let other = try Compiling.only(
            Compiling.result(
                """
                # the same
                steps:
                - {retry: {maxBackoff: 60m, backoff: 1m30s, attempts: 4}, timeout: 1m, "to": "r", copy: a}
                repositories:
                  r: {password: {fromEnv: P}, path: /r, type: local, create: true}
                systems:
                  a:
                    excludes: [b]  # comment
                    clones: true
                    path: /a
                    type: volume
                name: x
                """))
        #expect(one == other)
        #expect(one.canonicalBytes == other.canonicalBytes && one.id == other.id)
        #expect(one.id.rawValue.count == 64)
        var changed = one
        changed.steps[0].priority = 1
        #expect(changed.id != one.id)
        #expect(try JSONValue(parsing: one.canonicalBytes).decoded(as: Plan.self) == one)
    }

    @Test func theRestOfTheDocumentIsKept() throws {
        let plan = try Compiling.plan(
            steps: "- copy: data\n  to: near",
            extra: """
                schedule: {cron: "15 2 * * mon-fri", timeZone: America/New_York, startingDeadline: 120m, missed: runOnce}
                objectives: {rpo: 26h, proof: {level: restore, within: 1w}}
                blackouts: [{days: [mon], from: "08:00", to: "18:00"}]
                hooks: [{on: [failed], url: "https://example.net/hook", secret: {fromEnv: HOOK}}]

                """)
        #expect(plan.schedule?["startingDeadline"] == "2h" && plan.schedule?["concurrencyPolicy"] == "Forbid")
        #expect(plan.objectives?["proof"]?["within"] == "7d" && plan.objectives?["rpo"] == "1d2h")
        #expect(plan.blackouts?.arrayValue?.first?["timeZone"] == "UTC")
        #expect(plan.hooks?.arrayValue?.first?["secret"] == ["fromEnv": "HOOK"])
    }
}
