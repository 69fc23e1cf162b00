import Foundation
import Rigs
import Testing

/// The control database goes away while the program works.
@Suite(.ownThread) struct DatabaseFaultTests {
    @Test func aDatabaseThatIsDownAtTheStartIsNamedWithWhatToDo() async throws {
        let stage = try FaultStage("database-down")
        defer { stage.rig.close() }
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        try await server.halt()
        let outcome = try stage.rig.run(["run", try stage.document(), "--database", server.address])
        #expect(outcome.status == 6, "\(outcome.output)\n\(outcome.errors)")
        #expect(outcome.errors.contains(server.socketFolder) && outcome.errors.contains("do:"), "\(outcome.errors)")
        #expect(!stage.exists("vault") && !stage.isFrozen)
    }

    @Test(arguments: ["window", "copy-within"]) func aDatabaseThatRestartsInTheMiddleOfAStepIsSurvived(gate: String) async throws {
        let stage = try FaultStage("restart-\(gate)")
        defer { stage.rig.close() }
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        try stage.hold(gate)
        let process = try stage.rig.start(["run", try stage.document(), "--database", server.address])
        try waitUntil("\(gate) is reached") { stage.isReached(gate) }
        try await server.restart()
        stage.open(gate)
        let outcome = process.wait()
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        try await stage.expectNothingLeft(snapshots: 2)
    }

    @Test func aDatabaseThatIsGoneForGoodWhileFrozenThawsAndSaysSo() async throws {
        let stage = try FaultStage("gone")
        defer { stage.rig.close() }
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        try stage.hold("window")
        let document = try stage.document(maxHold: "5m")
        let process = try stage.rig.start(["run", document, "--database", server.address, "--database-wait", "3s"])
        try waitUntil("the application rests") { stage.isReached("window") }
        try await server.halt()
        try waitUntil("it is thawed without a database") { !stage.isFrozen }
        let outcome = process.wait()
        stage.open("window")
        #expect(outcome.status == 6, "\(outcome.status): \(outcome.output)\n\(outcome.errors)")
        #expect(outcome.errors.contains("do:") && outcome.errors.contains("goes on with the job"), "\(outcome.errors)")
        // Once there is a database again the next worker finishes the job.
        try await server.resume()
        let database = ["--database", server.address]
        try stage.withWorker(database) { try waitUntil("the job ends") { try stage.hasSucceeded(database) } }
        try await stage.expectNothingLeft(snapshots: 2)
    }
}
