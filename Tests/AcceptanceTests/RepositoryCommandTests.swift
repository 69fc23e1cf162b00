import Foundation
import Rigs
import Testing

/// `snappy-flow repository` on a repository that a run made.
@Suite(.ownThread) struct RepositoryCommandTests {
    private func prepared(_ name: String) throws -> (rig: FlowRig, place: [String]) {
        let rig = try FlowRig("repository-\(name)")
        for number in 0..<20 { try rig.write("data/file\(number)", String(repeating: "\(number) ", count: 3000)) }
        try rig.write("pw", "the first\n")
        try rig.write("new", "the second\n")
        let document = try rig.write(
            "pipeline.yaml",
            """
            name: home
            systems:      {home: {type: directory, path: \(rig.path("data"))}}
            repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}}
            steps:
              - copy: home
                to: vault
            """)
        return (rig, ["--file", document, "--repository", "vault"])
    }

    @Test func damageIsFoundByACheckThatReadsAll() throws {
        let (rig, place) = try prepared("check")
        defer { rig.close() }
        #expect(try rig.run(["repository", "check"] + place).status == 10)
        #expect(try rig.run(["repository", "init"] + place).status == 0)
        #expect(try rig.run(["repository", "init"] + place).status == 1)
        #expect(try rig.run(["run", place[1]]).status == 0)
        #expect(try rig.run(["repository", "check", "--read", "all"] + place).status == 0)
        #expect(try rig.run(["repository", "check", "--read", "some"] + place).status == 2)
        let stats = try rig.run(["repository", "stats", "--output", "json"] + place)
        #expect(stats.status == 0 && stats.output.contains("usedPlainBytes"), "\(stats.output)\(stats.errors)")

        let packs = FileManager.default.enumerator(atPath: rig.path("vault/data"))?.compactMap { $0 as? String }.filter { $0.count > 60 }
        let pack = rig.path("vault/data/" + (try #require(packs?.first)))
        var bytes = try Data(contentsOf: URL(fileURLWithPath: pack))
        bytes[20] ^= 1
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: pack)
        try bytes.write(to: URL(fileURLWithPath: pack))
        let check = try rig.run(["repository", "check", "--read", "all"] + place)
        #expect(check.status == 7 && check.errors.contains("damage"), "\(check.output)\(check.errors)")
    }

    @Test func theLatestIsNotTakenFromWhatIsLeft() throws {
        let (rig, place) = try prepared("latest")
        defer { rig.close() }
        #expect(try rig.run(["run", place[1]]).status == 0)
        let first = try #require(try FileManager.default.contentsOfDirectory(atPath: rig.path("vault/snapshots")).first)
        #expect(try rig.run(["run", place[1]]).status == 0)
        let all = try FileManager.default.contentsOfDirectory(atPath: rig.path("vault/snapshots"))
        let second = rig.path("vault/snapshots/" + (try #require(all.first { $0 != first })))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: second)
        try Data().write(to: URL(fileURLWithPath: second))
        let restore = ["restore", "--target", rig.path("back")] + place
        #expect(try rig.run(["snapshots", "list"] + place).status == 7)
        #expect(try rig.run(restore).status == 7)
        #expect(try rig.run(restore + ["--snapshot", first]).status == 0)
    }

    @Test func passwordsAreChangedWithoutShowingThem() throws {
        let (rig, place) = try prepared("key")
        defer { rig.close() }
        #expect(try rig.run(["run", place[1]]).status == 0)
        #expect(try rig.run(["repository", "key", "passwd"] + place).status == 2)
        let change = try rig.run(["repository", "key", "passwd", "--new-password-file", rig.path("new")] + place)
        #expect(change.status == 0 && !(change.output + change.errors).contains("the second"), "\(change.errors)")
        #expect(try rig.run(["repository", "key", "list"] + place).status == 12)
        try rig.write("pw", "the second\n")
        let keys = try rig.run(["repository", "key", "list"] + place)
        #expect(keys.status == 0 && keys.output.contains("*"), "\(keys.output)\(keys.errors)")
        #expect(try rig.run(["run", place[1]]).status == 0)
    }

    /// The same files open it with both programs, whoever wrote them.
    @Test func passwordFilesAreReadAsResticReadsThem() async throws {
        let (rig, place) = try prepared("windows")
        defer { rig.close() }
        func write(_ name: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: rig.path(name))) }
        let wide: [UInt8] = [0xFF, 0xFE] + Array("\u{A0A}eheim\r\n".utf16).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        try write("pw", wide)
        #expect(try rig.run(["repository", "init"] + place).status == 0)
        let restic = try ResticRig(repository: rig.path("vault"), password: "", cache: rig.path("cache"))
        #expect(try await restic.run(["cat", "config", "--password-file", rig.path("pw")]).status == 0)
        try write("new", [0xEF, 0xBB, 0xBF] + Array(" the second\r\n\n".utf8))
        #expect(try rig.run(["repository", "key", "add", "--new-password-file", rig.path("new")] + place).status == 0)
        #expect(try await restic.run(["cat", "config", "--password-file", rig.path("new")]).status == 0)
    }

    @Test func aLockOfTheDeadIsRemoved() throws {
        let (rig, place) = try prepared("unlock")
        defer { rig.close() }
        #expect(try rig.run(["run", place[1]]).status == 0)
        let unlock = try rig.run(["repository", "unlock"] + place)
        #expect(unlock.status == 0 && unlock.output.contains("0 locks"), "\(unlock.output)\(unlock.errors)")
        try rig.write("vault/locks/" + String(repeating: "ab", count: 32), "not a lock")
        #expect(try rig.run(["repository", "unlock", "--all"] + place).output.contains("1 lock removed"))
    }
}
