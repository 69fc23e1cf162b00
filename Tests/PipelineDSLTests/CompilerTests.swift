import Basics
import FlowModel
import Testing

@testable import PipelineDSL

@Suite struct CompilerTests {
    static let nightly = """
        - quiesce: app
          maxHold: 30s
        - snapshot: data
        - copy: data
          to: near
          retry: {attempts: 5, backoff: 10s, maxBackoff: 5m}
        - verify: copy
          restore: {}
        - prune: near
          keep: {last: 3}
        """

    @Test func theNightlyPipeline() throws {
        let plan = try Compiling.plan(steps: Self.nightly)
        #expect(
            plan.ids == [
                "quiesce-app", "snapshot-data", "thaw-app", "copy-data", "release-data", "verify-copy", "drop-copy", "prune-near",
            ])
        #expect(plan.edges("snapshot-data") == "quiesce-app(order)")
        #expect(plan.edges("thaw-app") == "quiesce-app(guarded) snapshot-data(guarded)")
        #expect(plan.edges("copy-data") == "snapshot-data(output)")
        #expect(plan.edges("release-data") == "copy-data(guarded) snapshot-data(guarded)")
        #expect(plan.edges("verify-copy") == "copy-data(output)")
        #expect(plan.edges("drop-copy") == "verify-copy(guarded)")
        #expect(plan.edges("prune-near") == "verify-copy(order)")
        #expect(
            plan.windows == [
                PlannedWindow(id: "window-app", members: ["quiesce-app", "snapshot-data"], thaws: ["thaw-app"], maxHold: .seconds(30))
            ])
    }
}
