import Foundation
import Rigs
import Testing

/// Workers that are killed or stopped anywhere in a pipeline.
@Suite(.ownThread) struct WorkerFaultTests {
    @Test(arguments: [
        "quiesce-before", "quiesce-after", "window", "thaw-before", "thaw-after", "between", "copy-within", "verified",
    ]) func aKilledWorkersJobIsFinishedByTheNext(gate: String) async throws {
        let stage = try FaultStage("kill-\(gate)")
        defer { stage.rig.close() }
        let document = try stage.document()
        try stage.hold(gate)
        let first = try stage.rig.start(["run", document])
        try waitUntil("\(gate) is reached") { stage.isReached(gate) }
        first.send(SIGKILL)
        #expect(first.wait().signal == SIGKILL)
        stage.open(gate)
        // Nobody has come yet: the guard alone thaws.
        try waitUntil("nothing rests") { !stage.isFrozen }
        try stage.withWorker { try waitUntil("the job ends") { try stage.hasSucceeded() } }
        try await stage.expectNothingLeft(snapshots: 2)
    }

    @Test func aWorkerStoppedPastItsLeaseChangesNothingAndWorksOn() async throws {
        let stage = try FaultStage("stop")
        defer { stage.rig.close() }
        let document = try stage.document()
        let allow =
            ["--allow", stage.rig.folder]
            + ["gate", "quiesce", "thaw", "source", "end"].flatMap { ["--allow-program", stage.rig.path($0)] }
        try stage.hold("copy-within")
        let first = try stage.rig.start(["worker"] + allow)
        defer {
            first.send(SIGCONT)
            first.send(SIGTERM)
            let outcome = first.wait()
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        #expect(try stage.rig.run(["submit", document]).status == 0)
        try waitUntil("the copy runs") { stage.isReached("copy-within") }
        first.send(SIGSTOP)
        stage.open("copy-within")
        try stage.withWorker(allow) { try waitUntil("another worker has finished the job", seconds: 90) { try stage.hasSucceeded() } }
        let before = try stage.rig.run(["jobs", "show", try #require(try stage.jobs().first?["id"] as? String), "--output", "json"]).output
        first.send(SIGCONT)
        // Under a new name it is healthy: it does the next job alone.
        try waitUntil("it has noticed") { first.errors.contains("lease") || first.errors.contains("declared dead") }
        let again = try stage.rig.run(["submit", "--wait", document])
        #expect(again.status == 0, "\(again.output)\(again.errors)\nworker: \(first.errors)")
        let old = try #require(try stage.jobs().last?["id"] as? String)
        #expect(try stage.rig.run(["jobs", "show", old, "--output", "json"]).output == before, "late writes changed the job")
        try await stage.expectNothingLeft(snapshots: 4)
    }
}
