import Foundation
import Rigs
import Testing

/// The example of a plug-in outside the binary, as a user has it: a program in a folder, and a pipeline that names it.
@Suite(.ownThread) struct PluginPipelineTests {
    private let rig: FlowRig
    private let environment = ["SNAPPY_FLOW_PLUGINS": FlowRig.packageRoot + "/examples/plugin"]

    init() throws {
        rig = try FlowRig("plugin")
        try rig.write("etc/snappy-flow/vault.pw", "geheim")
        try rig.write("etc/snappy-flow/images.token", "the-token-of-the-images")
        try rig.write("srv/images/.keep", "")
    }

    private func run(_ arguments: String...) throws -> FlowOutcome { try rig.run(arguments, environment: environment) }

    private func example(_ name: String) throws -> String { try rig.place(FlowRig.packageRoot + "/examples/plugin/\(name).yaml") }

    private func bytes(_ count: Int, _ seed: UInt64) -> Data {
        var state = seed
        return Data(
            (0..<count).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1
                return UInt8(truncatingIfNeeded: state >> 33)
            })
    }

    @Test func anImageIsCopiedByWhatChangedAndComesBack() throws {
        defer { rig.close() }
        let image = URL(fileURLWithPath: rig.path("srv/images/shop.img"))
        var content = bytes(12 << 20, 1)
        try content.write(to: image)
        let backup = try example("image-folder")
        let first = try run("run", backup)
        #expect(first.status == 0, "\(first.output)\(first.errors)")
        #expect(!FileManager.default.fileExists(atPath: image.path + ".frozen"), "left frozen")
        let kept = try FileManager.default.contentsOfDirectory(atPath: rig.path("srv/images/.snapshots"))
        #expect(kept.count == 1, "the base and nothing else: \(kept)")

        content.replaceSubrange(5_000_000..<5_100_000, with: bytes(100_000, 2))
        try content.write(to: image)
        let second = try run("run", backup)
        #expect(second.status == 0, "\(second.output)\(second.errors)")
        let jobs = try run("jobs", "list", "--output", "json")
        let list = try #require(try JSONSerialization.jsonObject(with: Data(jobs.output.utf8)) as? [[String: Any]])
        let details = try run("jobs", "show", try #require(list.first?["id"] as? String), "--output", "json").output
        let reused = try #require(try Regex("\"extentsReused\" *: *([0-9]+)").firstMatch(in: details)?[1].substring.flatMap { Int($0) })
        #expect(reused >= 9, "\(details)")
        for text in [first.output, first.errors, second.output, second.errors, details] { #expect(!text.contains("the-token")) }

        try bytes(12 << 20, 3).write(to: image)
        let restore = try run("run", try example("image-folder-restore"))
        #expect(restore.status == 0, "\(restore.output)\(restore.errors)")
        #expect(try Data(contentsOf: image) == content)
        let listing = try FileManager.default.contentsOfDirectory(atPath: rig.path("srv/images")).sorted()
        #expect(listing == [".keep", ".snapshots", "shop.img"])
    }

    /// A database with a writer is copied whole and comes back whole, over one that has gone on since.
    @Test func aDatabaseIsCopiedWhileItIsWritten() throws {
        defer { rig.close() }
        let folder = rig.path("srv/k3s/server/db")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        func python(_ script: String) throws -> Process {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["python3", "-c", script, folder + "/state.db"]
            process.standardOutput = Pipe()
            try process.run()
            return process
        }
        // Both rows of a pair are written by one transaction; most of them lie in the log while it is copied.
        let writer = try python(
            """
            import sqlite3, sys, time
            db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA wal_autocheckpoint=0")
            db.execute("CREATE TABLE pairs(number INTEGER, side TEXT, load TEXT)")
            def pair(number):
                db.execute("BEGIN IMMEDIATE")
                for side in "ab": db.execute("INSERT INTO pairs VALUES(?, ?, ?)", (number, side, "x" * 2000))
                db.execute("COMMIT")
            for number in range(500): pair(number)
            print("ready", flush=True)
            end = time.monotonic() + 60
            while time.monotonic() < end:
                number += 1
                pair(number)
                time.sleep(0.001)
            """)
        defer { kill(writer.processIdentifier, SIGKILL) }
        let said = try #require(writer.standardOutput as? Pipe).fileHandleForReading.availableData
        #expect(String(decoding: said, as: UTF8.self).hasPrefix("ready"))
        for _ in 1...2 {
            let backup = try run("run", try example("sqlite-folder"))
            #expect(backup.status == 0, "\(backup.output)\(backup.errors)")
        }
        let kept = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/.snapshots")) ?? []
        #expect(kept == [], "no snapshot stays: \(kept)")
        // In the middle of whatever it does.
        kill(writer.processIdentifier, SIGKILL)
        writer.waitUntilExit()
        let restore = try run("run", try example("sqlite-folder-restore"))
        #expect(restore.status == 0, "\(restore.output)\(restore.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [".snapshots", "state.db"])
        let judge = try python(
            """
            import sqlite3, sys
            db = sqlite3.connect(sys.argv[1])
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            pairs, halves = db.execute("SELECT count(DISTINCT number), count(*) FROM pairs").fetchone()
            print(pairs >= 500 and halves == 2 * pairs, db.execute("SELECT max(number) FROM pairs").fetchone()[0] == pairs - 1)
            """)
        let verdict = try #require(judge.standardOutput as? Pipe).fileHandleForReading.readDataToEndOfFile()
        judge.waitUntilExit()
        #expect(String(decoding: verdict, as: UTF8.self) == "True True\n")
    }

    /// The disk and the files in it, of one snapshot, and a check of what was restored. Nothing stays mounted.
    @Test func theFilesInAnImageAreCopiedFromAMount() async throws {
        try requireRoot("mounts")
        defer { rig.close() }
        try await HostProgram.run(
            [
                "bash", "-euc",
                "mkdir content; seq 1 100000 > content/numbers; ln -s numbers content/link; truncate -s 16M shop.img; mkfs.ext4 -q -d content shop.img",
            ], in: rig.path("srv/images"))
        let backup = try run("run", try example("image-folder-files"))
        #expect(backup.status == 0, "\(backup.output)\(backup.errors)")
        #expect(try LoopDevices.over(folder: rig.path("srv")) == [])
        let judge = try ResticRig(repository: rig.path("backup/vault"), password: "geheim", cache: rig.path("restic-cache"))
        try await judge.succeed("check", "--read-data")
        try await judge.succeed("restore", "latest", "--tag", "view:tree", "--target", rig.path("back"))
        let back = rig.path("back") + "/image-folder" + rig.path("srv/images/shop.img")
        try await HostProgram.run(["diff", "-r", "--no-dereference", "--exclude", "lost+found", back, rig.path("srv/images/content")])
    }

    /// Nobody writes the database while its folder is snapshotted; the copy says which database it is of, and what was restored is asked.
    @Test func aDatabaseRestsWhileItsFolderIsSnapshotted() async throws {
        defer { rig.close() }
        let folder = rig.path("srv/shop")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let writer = Process()
        writer.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        writer.arguments = [
            "python3", "-c",
            """
            import os, sqlite3, sys, time
            db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("CREATE TABLE pairs(number INTEGER)")
            print("ready", flush=True)
            end = time.monotonic() + 120
            while time.monotonic() < end and os.getppid() != 1:
                db.execute("BEGIN IMMEDIATE")
                for _ in "ab": db.execute("INSERT INTO pairs VALUES(1)")
                db.execute("COMMIT")
                time.sleep(0.005)
            """, folder + "/shop.db",
        ]
        let said = Pipe()
        writer.standardOutput = said
        try writer.run()
        defer { kill(writer.processIdentifier, SIGKILL) }
        #expect(String(decoding: said.fileHandleForReading.availableData, as: UTF8.self).hasPrefix("ready"))
        let backup = try run("run", try example("sqlite-window"))
        #expect(backup.status == 0, "\(backup.output)\(backup.errors)")
        let judge = try ResticRig(repository: rig.path("backup/vault"), password: "geheim", cache: rig.path("restic-cache"))
        let listing = try await judge.succeed("ls", "latest")
        #expect(listing.contains("/shop.db.label\n") && listing.contains("/shop.db-wal\n") && !listing.contains("shop.db-shm"), "\(listing)")
        // A copy that was taken without the window is told by its check.
        let text = try String(contentsOfFile: try example("sqlite-window"), encoding: .utf8)
        let without = try rig.write("without.yaml", text.replacing("    - quiesce: database\n", with: ""))
        let refused = try run("run", without)
        #expect(refused.status != 0, "\(refused.output)")
    }

    @Test func itIsDeclaredLikeAnyOther() throws {
        defer { rig.close() }
        let list = try run("plugins", "list")
        #expect(list.output.contains("image-folder") && list.errors.isEmpty, "\(list.errors)")
        #expect(try run("plugins", "show", "image-folder").output.contains("Where the images are"))
        #expect(try run("schema").output.contains("\"image-folder\""))
        let document = try example("image-folder")
        #expect(try run("validate", document).status == 0)
        let text = try String(contentsOfFile: document, encoding: .utf8)
        let wrong = try rig.write("wrong.yaml", text.replacing("image: shop.img", with: "imgae: shop.img"))
        let refused = try run("validate", wrong)
        #expect(refused.status != 0 && refused.errors.contains("imgae") && refused.errors.contains("image"), "\(refused.errors)")
        // Where the plug-in is not, the type is unknown; where it is broken, both are said.
        let without = try rig.run(["validate", document], environment: ["SNAPPY_FLOW_PLUGINS": rig.path("nowhere")])
        #expect(without.status != 0 && without.errors.contains("image-folder"), "\(without.errors)")
        let broken = try rig.write("plugins/image-folder", "#!/bin/sh\necho oops >&2; exit 7\n")
        chmod(broken, 0o755)
        let told = try rig.run(["validate", document], environment: ["SNAPPY_FLOW_PLUGINS": rig.path("plugins")])
        #expect(told.status != 0 && told.errors.contains("oops") && told.errors.contains("status 7"), "\(told.errors)")
    }

    /// What it says of a failure is what a person reads.
    @Test func itsErrorsArriveWhole() throws {
        defer { rig.close() }
        let missing = try run("run", try example("image-folder"))
        #expect(missing.status == 1)
        #expect((missing.output + missing.errors).contains("check the settings"), "\(missing.output)\(missing.errors)")
        #expect(!FileManager.default.fileExists(atPath: rig.path("srv/images/shop.img.frozen")), "left frozen")
    }
}
