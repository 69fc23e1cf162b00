import Foundation
import Rigs
import Testing

/// What a row of the control database can make of the program, and what not.
@Suite(.ownThread) struct DatabaseRowTests {
    /// A job that somebody else has written, or one whose row was changed, runs nothing here; that of a killed `run` goes on.
    @Test func onlyThisUsersLocalJobsGoOn() async throws {
        let rig = try FlowRig("rows-origin")
        defer { rig.close() }
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        let database = ["SNAPPY_FLOW_DATABASE": server.address]
        func document(_ name: String, _ script: String) throws -> String {
            try rig.write("\(name).yaml", "name: \(name)\nsteps:\n  - exec: {argv: [sh, -c, \"\(script)\"]}\n    id: touch\n")
        }
        func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: rig.path(name)) }

        let killed = try rig.start(
            [
                "run",
                try document(
                    "killed",
                    "echo $$ > \(rig.path("begun")); while [ ! -e \(rig.path("go")) ]; do sleep 0.1; done; touch \(rig.path("ended"))"
                ),
            ],
            environment: database)
        try waitUntil("the step runs") { (try? String(contentsOfFile: rig.path("begun"), encoding: .utf8))?.hasSuffix("\n") == true }
        killed.send(SIGKILL)
        #expect(killed.wait().signal == SIGKILL)
        // The program that it ran goes on by itself.
        let program = try String(contentsOfFile: rig.path("begun"), encoding: .utf8).dropLast()
        kill(try #require(Int32(program)), SIGKILL)
        try rig.write("go", "")
        #expect(try rig.run(["submit", try document("planted", "touch \(rig.path("planted"))")], environment: database).status == 0)
        try await server.execute(
            """
            UPDATE jobs p SET origin = 'local', owner = o.owner, maker = o.maker, seal = o.seal FROM jobs o
            WHERE p.pipeline = 'planted' AND o.pipeline = 'killed'
            """)

        // Another user's key, or another machine's.
        let key = rig.path("state/snappy-flow/jobs.key")
        try FileManager.default.moveItem(atPath: key, toPath: rig.path("saved.key"))
        let stranger = try rig.start(["worker"], environment: database)
        try waitUntil("it says what it leaves to others") {
            stranger.errors.components(separatedBy: "whose seal is not this user's").count >= 3
        }
        stranger.send(SIGTERM)
        #expect(stranger.wait().status == 0)
        #expect(!exists("ended") && !exists("planted"))
        #expect(stranger.errors.contains("--adopt-local"))

        try FileManager.default.removeItem(atPath: key)
        try FileManager.default.moveItem(atPath: rig.path("saved.key"), toPath: key)
        let next = try rig.run(["run", try document("next", "true")], environment: database)
        #expect(next.status == 0, "\(next.errors)")
        let worker = try rig.start(["worker"], environment: database)
        try waitUntil("the killed job goes on") { exists("ended") }
        worker.send(SIGTERM)
        _ = worker.wait()
        #expect(!exists("planted"), "\(worker.errors)")

        let adopting = try rig.start(["worker", "--adopt-local"], environment: database)
        try waitUntil("its operator wanted it so") { exists("planted") }
        adopting.send(SIGTERM)
        _ = adopting.wait()
    }

    @Test func aJobThatIsSetAsideIsShownAndTakenUpAgain() async throws {
        let rig = try FlowRig("rows-aside")
        defer { rig.close() }
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        let database = ["SNAPPY_FLOW_DATABASE": server.address]
        let document = try rig.write("one.yaml", "name: one\nsteps:\n  - exec: {argv: [\"true\"]}\n    id: go\n")
        let other = try rig.write("two.yaml", "name: two\nsteps:\n  - exec: {argv: [\"true\"]}\n    id: go\n")
        let job = try rig.run(["submit", document], environment: database).output.trimmingCharacters(in: .whitespacesAndNewlines)
        try await server.execute(
            "ALTER TABLE jobs DROP CONSTRAINT sound_parameters; UPDATE jobs SET parameters = '[]', created_at = '9999-12-31' WHERE id = '\(job)'"
        )
        let worker = try rig.start(["worker", "--allow-program", "true"], environment: database)
        defer {
            worker.send(SIGTERM)
            _ = worker.wait()
        }
        let waited = try rig.run(["submit", other, "--wait"], environment: database)
        #expect(waited.status == 0, "\(waited.errors)")
        try waitUntil("it is set aside") { try rig.run(["jobs", "list"], environment: database).output.contains("is set aside") }
        let listed = try rig.run(["jobs", "list", "--output", "json"], environment: database)
        let jobs = try #require(JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]])
        let aside = try #require(jobs.first { $0["id"] as? String == job })
        #expect(
            aside["state"] as? String == "setAside"
                && ((aside["setAside"] as? [String: Any])?["reason"] as? String)?.contains("expected an object") == true, "\(aside)")
        for format in ["table", "json", "yaml"] {
            let shown = try rig.run(["jobs", "show", job, "--output", format], environment: database)
            #expect(shown.status == 0 && shown.output.contains("expected an object"), "\(shown.output)\(shown.errors)")
        }
        let doctor = try rig.run(["doctor"], environment: database)
        #expect(doctor.status == 1 && doctor.output.contains("jobs resume \(job.suffix(12))"), "\(doctor.output)")
        let early = try rig.run(["jobs", "resume", job], environment: database)
        #expect(early.status == 1 && early.errors.contains("expected an object"), "\(early.output)\(early.errors)")
        try await server.execute("UPDATE jobs SET parameters = '{}' WHERE id = '\(job)'")
        #expect(try rig.run(["jobs", "resume", job], environment: database).status == 0)
        try waitUntil("it ends") { try rig.run(["jobs", "list", "--pipeline", "one"], environment: database).output.contains("succeeded") }
        #expect(try rig.run(["doctor"], environment: database).status == 0)
    }
}
