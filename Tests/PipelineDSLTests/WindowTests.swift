import Basics
import FlowModel
import StepKit
import Steps
import Testing

@testable import PipelineDSL

@Suite struct WindowTests {
    @Test func instantStepsStandInAWindow() throws {
        let plan = try Compiling.plan(
            steps: """
                - quiesce: app
                - exec: [sync]
                  instant: true
                  timeout: 5s
                - snapshot: data
                - exec: [after]
                  id: after
                  instant: true
                  timeout: 5s
                """)
        #expect(plan.windows.map(\.members) == [["quiesce-app", "exec", "snapshot-data"]])
        #expect(plan.step("exec")?.workClass == .window && plan.step("exec")?.window == "window-app")
        // The last one is below the snapshot: the thaw does not wait for it.
        #expect(plan.step("after")?.window == nil)
        #expect(plan.edges("thaw-app") == "exec(guarded) quiesce-app(guarded) snapshot-data(guarded)")
        #expect(plan.windows.first?.maxHold == .seconds(20))
        #expect(plan.step("quiesce-app")?.settings["maxHold"] == "20s")
    }

    @Test func whatComesAfterWaitsForAllSnapshots() throws {
        let plan = try Compiling.plan(
            steps: """
                - quiesce: app
                - parallel:
                    - snapshot: data
                    - snapshot: logs
                - copy: data
                  to: near
                  after: [snapshot-data]
                - exec: [x]
                  after: [quiesce]
                """)
        #expect(plan.edges("copy-data") == "snapshot-data(output) snapshot-logs(window)")
        #expect(plan.edges("exec") == "quiesce-app(order) snapshot-data(window) snapshot-logs(window)")
        #expect(plan.edges("release-logs") == "snapshot-logs(guarded)")
        #expect(plan.edges("thaw-app") == "quiesce-app(guarded) snapshot-data(guarded) snapshot-logs(guarded)")
    }

    @Test func copiesWaitForTheThawThatReturnsAPartOfThem() throws {
        let text = """
            name: nightly
            systems:
              db: {type: postgresql}
              app: {type: command, quiesce: [rest], thaw: [resume]}
              data: {type: directory, path: /srv/data, staging: 1GiB}
            repositories: {near: {type: local, path: /backup/near, password: {fromFile: /run/near.pw}}}
            steps:
              - quiesce: app
              - quiesce: db
              - snapshot: data
              - copy: data
                to: near
            """
        let plan = try Compiling.only(Compiler.compile([SourceText(name: "test.yaml", bytes: Array(text.utf8))], catalog: .standard))
        #expect(plan.edges("copy-data") == "snapshot-data(output) thaw-db(window)")
    }

    @Test func quiescesThatShareASnapshotShareTheWindow() throws {
        let text = Compiling.head.replacing("  app: {", with: "  app2: {type: application, address: app2}\n  app: {")
        let plan = try Compiling.only(
            Compiling.result(
                text + """
                    steps:
                      - quiesce: app
                        maxHold: 10s
                      - quiesce: app2
                        maxHold: 40s
                      - snapshot: data
                      - copy: data
                        to: near
                    """))
        #expect(
            plan.windows == [
                PlannedWindow(
                    id: "window-app", members: ["quiesce-app", "quiesce-app2", "snapshot-data"], thaws: ["thaw-app2", "thaw-app"],
                    maxHold: .seconds(10))
            ])
        let apart = try Compiling.only(
            Compiling.result(
                text + """
                    steps:
                      - quiesce: app
                      - snapshot: data
                      - copy: data
                        to: near
                      - quiesce: app2
                      - snapshot: logs
                    """))
        #expect(apart.windows.map(\.id) == ["window-app", "window-app2"])
        #expect(apart.windows.map(\.members) == [["quiesce-app", "snapshot-data"], ["quiesce-app2", "snapshot-logs"]])
    }

    @Test func nothingIsFrozenWhileSomethingOutsideIsWaitedFor() throws {
        let plan = try Compiling.plan(
            steps: """
                - approve: {by: [ops]}
                - quiesce: app
                  after: []
                - snapshot: data
                  after: [quiesce, approve]
                """)
        #expect(plan.edges("quiesce-app") == "approve(order)")
        #expect(plan.ids == ["approve", "quiesce-app", "snapshot-data", "thaw-app", "release-data"])
    }

    @Test func aBoundedCopyMayStandInAWindow() throws {
        let text = Compiling.head.replacing("clones: false", with: "clones: false, staging: 64MiB")
        let plan = try Compiling.only(Compiling.result(text + "steps: [{quiesce: app}, {snapshot: slow}]"))
        #expect(plan.windows.count == 1)
        // Out of a window a slow snapshot is nobody's harm.
        _ = try Compiling.plan(steps: "- snapshot: slow\n- copy: slow\n  to: near")
    }

    @Test func anUndosOutputCanBeUsed() throws {
        let plan = try Compiling.plan(steps: "- quiesce: app\n- snapshot: data\n- exec: [x, \"${steps.thaw-app.outputs.systems}\"]")
        #expect(plan.edges("exec") == "snapshot-data(window) thaw-app(output)")
    }
}
