import Foundation
import HTTPClient
import Rigs
import Testing

/// The stock restic against the built server.
@Suite struct ResticTests {
    private func data(_ folder: ScratchFolder) throws -> String {
        let data = folder.file("data")
        try FileManager.default.createDirectory(atPath: data + "/deep", withIntermediateDirectories: true)
        try Data(noise(30_000_000)).write(to: URL(fileURLWithPath: data + "/large"))
        for number in 0..<200 { try Data("\(number)".utf8).write(to: URL(fileURLWithPath: data + "/deep/\(number)")) }
        return data
    }

    @Test func resticIsServedUnmodified() async throws {
        let folder = try ScratchFolder("restic")
        let data = try data(folder)
        let stage = try await ResticServerStage()
        let restic = try stage.restic("site/home/")
        try await restic.succeed("init")
        #expect(try await restic.run(["init"]).status != 0, "there is one already")
        try await restic.succeed("backup", data)
        try Data(noise(5_000_000, seed: 2)).write(to: URL(fileURLWithPath: data + "/more"))
        try await restic.succeed("backup", data)
        try FileManager.default.removeItem(atPath: data + "/more")
        try await restic.succeed("backup", data)
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("key", "list")
        try await restic.succeed("stats", "--mode", "raw-data")
        try await restic.succeed("forget", "--keep-last", "1", "--prune", "--max-unused", "0")
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", folder.file("back"))
        #expect(FileManager.default.contentsEqual(atPath: data, andPath: folder.file("back") + data))
        #expect(try await restic.succeed("list", "locks").isEmpty)
        // The same folder, opened as a local one.
        let local = try ResticRig(repository: stage.rig.repositories + "/site/home", password: "geheim", cache: folder.file("cache"))
        try await local.succeed("check", "--read-data")
        try await local.succeed("backup", data + "/deep")
        #expect(try await restic.succeed("snapshots", "--compact").contains("2 snapshots"))
        try await restic.succeed("check", "--read-data")
    }

    @Test func nothingIsTakenFromWhatOnlyGrows() async throws {
        let folder = try ScratchFolder("restic")
        let data = try data(folder)
        let stage = try await ResticServerStage(["--append-only"])
        let restic = try stage.restic("home/")
        try await restic.succeed("init")
        for _ in 0..<2 { try await restic.succeed("backup", data) }
        // Their own locks, and those that somebody left, go.
        #expect(try await restic.succeed("list", "locks").isEmpty)
        let lock = Array("a lock".utf8)
        #expect(try await stage.status("POST", "home/locks/\(ResticServerStage.id(lock))", body: lock) == 200)
        #expect(try await stage.status("DELETE", "home/locks/\(ResticServerStage.id(lock))") == 200)

        let before = stage.rig.files.sorted()
        let contents = try before.map { try Data(contentsOf: URL(fileURLWithPath: stage.rig.repositories + "/" + $0)) }
        #expect(before.filter { $0.contains("/snapshots/") }.count == 2)
        for file in before {
            let path = file.replacing(/data\/[0-9a-f]{2}\//, with: "data/")
            let answer = try await stage.ask("DELETE", path)
            #expect(answer.status == 403 && String(decoding: answer.body, as: UTF8.self).contains("--append-only"), "\(path)")
            #expect(try await stage.status("POST", path, body: [1, 2, 3]) == 403, "\(path)")
        }
        #expect(try await stage.status("DELETE", "home/") == 501)
        #expect(try await stage.status("POST", "home/?create=true", body: []) == 200)
        // restic tries a refused removal again for half a minute.
        let refused = try await restic.run(["forget", "--keep-last", "1", "--prune"])
        #expect(refused.status != 0, "\(refused.output)")
        #expect(try before.map { try Data(contentsOf: URL(fileURLWithPath: stage.rig.repositories + "/" + $0)) } == contents)
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("backup", data)
        // On the server's own side, retention works.
        let local = try ResticRig(repository: stage.rig.repositories + "/home", password: "geheim", cache: folder.file("cache"))
        try await local.succeed("forget", "--keep-last", "1", "--prune")
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", folder.file("back"))
        #expect(FileManager.default.contentsEqual(atPath: data, andPath: folder.file("back") + data))
    }
}
