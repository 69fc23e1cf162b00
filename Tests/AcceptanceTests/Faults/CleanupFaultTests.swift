import Foundation
import Rigs
import Testing

/// Thaws that fail, people who press Ctrl-C, and holds that pass.
@Suite(.ownThread) struct CleanupFaultTests {
    /// Fails as often as the file `failures` has lines, then works.
    private func failingThaw(_ stage: FaultStage, times: Int) throws -> String {
        try stage.rig.write("failures", String(repeating: "x\n", count: times))
        let left = stage.rig.path("failures")
        return "[ -s \(left) ] && { sed -i 1d \(left); echo thaw is broken >&2; exit 9; }; rm -f \(stage.rig.path("frozen"))"
    }

    /// The command lines of the guards of this machine.
    private func guards() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.compactMap {
            FileManager.default.contents(atPath: "/proc/\($0)/cmdline").map { String(decoding: $0, as: UTF8.self) }
        }.filter { $0.contains("--freeze") }
    }

    @Test func aThawThatFailsThreeTimesAndThenWorksLeavesNothing() async throws {
        let stage = try FaultStage("thaw-thrice")
        defer { stage.rig.close() }
        try stage.hold("verified")
        let process = try stage.rig.start(["run", try stage.document(thaw: try failingThaw(stage, times: 3))])
        // The third failure is the alarm. The job's last step waits for the thaw that works: nothing is left when it ends.
        try waitUntil("the thaw has failed three times and worked", seconds: 120) {
            // Written, not only done: the program ends before its step does.
            !stage.isFrozen && process.output.contains("the cleanup works again")
        }
        stage.open("verified")
        let run = process.wait()
        #expect(run.status == 0, "\(run.output)\n\(run.errors)")
        #expect(run.output.contains("CLEANUP FAILS: thaw-app"), "\(run.output)")
        #expect(run.output.contains("thaw is broken"), "\(run.output)")
        #expect(try stage.hasSucceeded())
        try await stage.expectNothingLeft(snapshots: 2)
    }

    @Test func aThawThatNeverWorksIsListedWithWhatItHolds() async throws {
        let stage = try FaultStage("thaw-never")
        defer { stage.rig.close() }
        let run = try stage.rig.run(["run", try stage.document(thaw: "echo thaw is broken >&2; exit 9")])
        #expect(run.status == 4, "\(run.output)\n\(run.errors)")
        #expect(run.output.contains("Still held:") && run.output.contains("quiesce-app is undone by thaw-app"), "\(run.output)")
        let job = try #require(try stage.jobs().first)
        #expect(job["cleanup"] as? String == "failed")
        #expect(try stage.rig.run(["jobs", "show", try #require(job["id"] as? String)]).output.contains("Still held:"))
        let doctor = try stage.rig.run(["doctor"])
        #expect(doctor.status == 4 && doctor.output.contains("thaw-app"), "\(doctor.output)")
        // It is undone by whoever comes after it was mended.
        try stage.script("thaw", "rm -f \(stage.rig.path("frozen"))")
        try stage.withWorker {
            try waitUntil("the job is clean", seconds: 120) { try stage.jobs().first?["cleanup"] as? String == "clean" }
        }
        try await stage.expectNothingLeft(snapshots: 2)
    }

    @Test func whatCannotBeUndoneIsGivenUpLoudly() async throws {
        let stage = try FaultStage("thaw-given-up")
        defer { stage.rig.close() }
        let run = try stage.rig.run(["run", try stage.document(thaw: "echo thaw is broken >&2; exit 9")])
        #expect(run.status == 4 && run.output.contains("snappy-flow jobs abandon"), "\(run.output)\n\(run.errors)")
        let job = try #require(try stage.jobs().first?["id"] as? String)
        let doctor = try stage.rig.run(["doctor"])
        #expect(doctor.output.contains("start `snappy-flow worker`") && doctor.output.contains("jobs abandon"), "\(doctor.output)")
        // Only said, until it is confirmed.
        let said = try stage.rig.run(["jobs", "abandon", job])
        #expect(said.status == 1 && said.output.contains("thaw-app, which undoes quiesce-app of app"), "\(said.output)")
        #expect(said.output.contains("named sf-") && said.output.contains("thaw is broken") && said.errors.contains("--yes"), "\(said)")
        #expect(try stage.jobs().first?["cleanup"] as? String == "failed")
        let guardsBefore = try guards()
        let other = try stage.rig.run(["jobs", "abandon", job, "--step", "copy", "--yes"])
        #expect(other.status == 1 && other.errors.contains("found:    nothing"), "\(other.errors)")
        let done = try stage.rig.run(["jobs", "abandon", job, "--yes"])
        #expect(done.status == 0 && done.output.contains("abandoned"), "\(done.output)\n\(done.errors)")
        // Nobody tries to thaw any more: that would open another job's window.
        let keys = said.output.matches(of: /named (sf-[0-9a-f]+)/).map(\.1)
        let guarded = try #require(keys.first { key in guardsBefore.contains { $0.contains(key) } }, "\(guardsBefore) \(keys)")
        #expect(try !guards().contains { $0.contains(guarded) }, "\(done.output)")
        // It is over, it says so for ever, and it is no success.
        let ended = try #require(try stage.jobs().first)
        #expect(ended["cleanup"] as? String == "abandoned" && ended["endedAt"] is String, "\(ended)")
        #expect(try stage.rig.run(["jobs", "watch", job]).status == 4)
        #expect(try stage.rig.run(["jobs", "show", job]).output.contains("GIVEN UP"))
        #expect(try stage.rig.run(["doctor"]).output.contains("nothing is held"))
        #expect(try stage.rig.run(["jobs", "abandon", job, "--yes"]).status == 1)
    }

    @Test(arguments: ["window", "copy-within"]) func controlCUndoesAndSaysSo(gate: String) async throws {
        let stage = try FaultStage("cancel-\(gate)")
        defer { stage.rig.close() }
        try stage.hold(gate)
        let process = try stage.rig.start(["run", try stage.document()])
        try waitUntil("\(gate) is reached") { stage.isReached(gate) }
        process.send(SIGINT)
        let outcome = process.wait()
        #expect(outcome.status == 5, "\(outcome.output)\n\(outcome.errors)")
        let job = try #require(try stage.jobs().first)
        #expect(job["outcome"] as? String == "cancelled" && job["cleanup"] as? String == "clean", "\(job)")
        stage.open(gate)
        // What was cancelled goes on when it is told to.
        #expect(try stage.rig.run(["jobs", "retry", try #require(job["id"] as? String)]).status == 0)
        try stage.withWorker { try waitUntil("the job ends") { try stage.hasSucceeded() } }
        try await stage.expectNothingLeft(snapshots: 2)
    }

    @Test func aSecondControlCLeavesTheRestToTheNextWorker() async throws {
        let stage = try FaultStage("cancel-twice")
        defer { stage.rig.close() }
        let document = try stage.document()
        try stage.hold("thaw-before")
        let process = try stage.rig.start(["run", document])
        try waitUntil("the thaw hangs") { stage.isReached("thaw-before") }
        process.send(SIGINT)
        try waitUntil("the first one is heard") { process.errors.contains("Cancelling") }
        process.send(SIGINT)
        let outcome = process.wait()
        #expect(outcome.status == 130, "\(outcome.output)\n\(outcome.errors)")
        #expect(outcome.errors.contains("the next"), "\(outcome.errors)")
        stage.open("thaw-before")
        try stage.withWorker {
            try waitUntil("the job ends") {
                let job = try stage.jobs().first
                return job?["endedAt"] is String && job?["cleanup"] as? String == "clean"
            }
        }
        #expect(try stage.jobs().first?["outcome"] as? String == "cancelled")
        #expect(!stage.isFrozen)
    }

    @Test func maxHoldThawsThoughAStepOfTheWindowHangs() async throws {
        let stage = try FaultStage("hold")
        defer { stage.rig.close() }
        let document = try stage.document(maxHold: "4s")
        let text = try String(contentsOfFile: document, encoding: .utf8).replacing("timeout: 50s", with: "timeout: 3900ms")
        try Data(text.utf8).write(to: URL(fileURLWithPath: document))
        // The quiesce program itself hangs, frozen: no time limit of a step ends it.
        try stage.hold("quiesce-after")
        let process = try stage.rig.start(["run", document])
        try waitUntil("the application rests") { stage.isReached("quiesce-after") }
        try waitUntil("the hold has passed") { process.output.contains("maxHold has passed") }
        try waitUntil("it is thawed") { !stage.isFrozen }
        stage.open("quiesce-after")
        let outcome = process.wait()
        // The window is taken again as a whole, and this time nothing hangs.
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        try await stage.expectNothingLeft(snapshots: 2)
    }
}
