import Foundation
import PostgreSQL
import Rigs
import Testing

/// A newer program migrates the database while this one works.
@Suite(.ownThread) struct OutdatedProgramTests {
    @Test func aProgramThatTheSchemaHasOutgrownFinishesWhatItHoldsAndEnds() async throws {
        let server = try await PostgreSQLRig.start()
        let rig = try FlowRig("outdated")
        defer { rig.close() }
        let database = [
            "--database",
            "host=\(server.settings.host ?? "") user=\(server.settings.user ?? "") dbname=\(server.settings.database ?? "") options='-c search_path=\(server.schema)'",
        ]
        let (begun, goOn) = (rig.path("begun"), rig.path("go-on"))
        let document = try rig.write(
            "two.yaml",
            """
            name: two
            steps:
              - exec: [sh, -c, "touch \(begun); until test -e \(goOn); do sleep 0.05; done"]
                id: first
              - exec: [touch, \(rig.path("second"))]
                id: second
            """)
        let run = try rig.start(["run", document] + database)
        let worker = try rig.start(["worker"] + database)
        try waitUntil("both work") { FileManager.default.fileExists(atPath: begun) && worker.errors.contains("begins, on ") }
        let connection = try await Connection.connect(server.settings)
        try await connection.execute(script: "INSERT INTO schema_migrations (version, name) VALUES (99, 'future')")
        // Nothing rests with it.
        let ended = worker.wait()
        #expect(ended.status == 8, "\(ended.errors)")
        #expect(ended.errors.contains("version 99") && ended.errors.contains("no more is claimed"))
        try waitUntil("the run has noticed") { run.errors.contains("version 99") }
        try rig.write("go-on", "")
        let left = run.wait()
        #expect(left.status == 8, "\(left.output)\n\(left.errors)")
        #expect(!FileManager.default.fileExists(atPath: rig.path("second")))
        let states = try await connection.query("SELECT id, state FROM steps ORDER BY id").map {
            "\(try $0.get("id", as: String.self)) \(try $0.get("state", as: String.self))"
        }
        #expect(states == ["first succeeded", "second ready"])
        // Nor does it begin anything there.
        #expect(try rig.run(["jobs", "list"] + database).status == 8)
        // The program that knows the schema goes on.
        try await connection.execute(script: "DELETE FROM schema_migrations WHERE version = 99")
        let next = try rig.start(["worker"] + database)
        defer {
            next.send(SIGTERM)
            _ = next.wait()
        }
        try waitUntil("the next one has finished the job") { FileManager.default.fileExists(atPath: rig.path("second")) }
    }
}
