import Foundation
import Glibc
import Rigs
import Testing

/// What lies in repositories that nobody holds any more, and what can't be opened.
@Suite(.ownThread) struct DoctorRepositoryTests {
    private func prepared(_ name: String) async throws -> (stage: DoctorStage, document: String) {
        let stage = try await DoctorStage(name)
        try stage.rig.write("data/file", "content")
        let document = try stage.document(
            systems: ["home: {type: directory, path: \(stage.rig.path("data"))}"], steps: ["copy: home\n    to: vault"])
        let run = try stage.rig.run(["run", document], environment: stage.database)
        try #require(run.status == 0, "\(run.output)\(run.errors)")
        return (stage, document)
    }

    /// A backup of the stock restic that waits for its input: it has its lock.
    private func startRestic(_ stage: DoctorStage, locks: Int) throws -> (process: Process, input: Pipe) {
        let (process, input) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/restic")
        process.arguments = ["-r", stage.rig.path("vault"), "--no-cache", "backup", "--stdin"]
        process.environment = ["RESTIC_PASSWORD_FILE": stage.rig.path("pw"), "PATH": "/usr/bin:/bin", "HOME": stage.rig.folder]
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        try waitUntil("restic has its lock") { try self.locks(stage).count == locks }
        return (process, input)
    }

    private func locks(_ stage: DoctorStage) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: stage.rig.path("vault/locks"))
    }

    @Test func aDeadResticsLockGoesAndALivingOnesStays() async throws {
        let (stage, document) = try await prepared("locks")
        defer { stage.close() }
        let dead = try startRestic(stage, locks: 1)
        let living = try startRestic(stage, locks: 2)
        defer {
            living.process.terminate()
            living.process.waitUntilExit()
        }
        Glibc.kill(dead.process.processIdentifier, SIGKILL)
        dead.process.waitUntilExit()
        let seen = try stage.doctor([document])
        #expect(seen.status == 0 && seen.texts("warning").count { $0.contains("lock of") } == 1, "\(seen.json)")
        #expect(seen.texts("note").contains { $0.contains("process \(living.process.processIdentifier)") }, "\(seen.json)")
        #expect(try locks(stage).count == 2, "who looks changes nothing")
        let fixed = try stage.doctor([document, "--fix"])
        #expect(fixed.status == 0 && fixed.json["mended"] as? Int == 1, "\(fixed.json)")
        #expect(try locks(stage).count == 1)
        let again = try stage.doctor([document, "--fix"])
        #expect(again.json["mended"] as? Int == 0 && again.json["warnings"] as? Int == 0, "\(again.json)")
        #expect(try locks(stage).count == 1)
    }

    @Test func uploadsThatDiedGoWhenNobodyCanBeAtThem() async throws {
        let (stage, document) = try await prepared("uploads")
        defer { stage.close() }
        let id = String(repeating: "ab", count: 32)
        for (name, hours) in [("\(id)-tmp-1", 25.0), ("\(id)-tmp-2", 1)] {
            let path = try stage.rig.write("vault/data/ab/\(name)", "half of a pack")
            try FileManager.default.setAttributes([.modificationDate: Date.now.addingTimeInterval(-hours * 3600)], ofItemAtPath: path)
        }
        func left() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: stage.rig.path("vault/data/ab")).filter { $0.contains("-tmp-") }.sorted()
        }
        let seen = try stage.doctor([document])
        #expect(seen.status == 0 && seen.texts("warning").contains { $0.contains("1 upload that died") }, "\(seen.json)")
        #expect(try left().count == 2)
        let fixed = try stage.doctor([document, "--fix"])
        #expect(fixed.json["mended"] as? Int == 1, "\(fixed.json)")
        #expect(try left() == ["\(id)-tmp-2"])
        #expect(try stage.doctor([document, "--fix"]).json["mended"] as? Int == 0)
    }

    @Test func whatCannotBeOpenedIsSaidWithItsReason() async throws {
        let (stage, document) = try await prepared("closed")
        defer { stage.close() }
        try stage.rig.write("pw", "another one\n")
        let wrong = try stage.doctor([document])
        #expect(
            wrong.status == 1 && wrong.texts("error").contains { $0.hasPrefix("repository vault:") && $0.contains("password") },
            "\(wrong.json)")
        #expect(wrong.findings.filter { $0["severity"] as? String == "error" }.allSatisfy { ($0["remedy"] as? String)?.isEmpty == false })
        let away = try stage.rig.write(
            "away.yaml",
            """
            name: away
            systems: {home: {type: directory, path: \(stage.rig.path("data"))}}
            repositories: {vault: {type: rest, url: "http://127.0.0.1:9/", password: {fromFile: \(stage.rig.path("pw"))}}}
            steps: [{copy: home, to: vault}]
            """)
        let unreachable = try stage.doctor([away])
        #expect(unreachable.status == 1 && unreachable.texts("error").contains { $0.contains("repository vault:") }, "\(unreachable.json)")
    }
}
