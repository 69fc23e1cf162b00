import Foundation
import Glibc
import PostgreSQL
import Rigs
import Testing

/// Windows over several systems, on file systems of the tests' own: the shipped pipelines, and a file system that stays frozen by no means.
@Suite(.ownThread) struct WindowTests {
    private func shell(_ script: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-euc", script]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(script)")
    }

    @Test func aServerOnBtrfsIsLostAndBroughtBack() async throws {
        let mount = try await LoopMount("btrfs")
        try shell("btrfs -q subvolume create '\(mount.path)/main'; chmod 755 '\(mount.path)'; chmod 700 '\(mount.path)/main'")
        let stage = try await ServerStage("btrfs", data: mount.path + "/main")
        defer { stage.close() }
        let document = try stage.place("postgresql-btrfs")
        let run = try stage.rig.run(["run", document])
        #expect(run.status == 0, "\(run.output)\n\(run.errors)")
        #expect(run.output.contains("proved: restore"), "\(run.output)")
        let before = try await stage.fingerprint()
        stage.server.stop()
        try shell("rm -rf '\(mount.path)/main/'*")

        let target = stage.rig.path("back")
        let restore = try stage.rig.run([
            "restore", "--file", document, "--repository", "vault", "--snapshot", "latest", "--target", target,
        ])
        #expect(restore.status == 0, "\(restore.output)\n\(restore.errors)")
        chmod(target, 0o755)
        let other = try await PostgreSQLServerRig.start()
        defer { other.stop() }
        // The folders above the data have the modes that they had; the server's user passes.
        try shell("find '\(target)' -type d -path '*mount' -exec chmod 755 {} +")
        let found = try await other.serving(target + mount.path + "/main") { connection in
            try await connection.query(ServerStage.fingerprintQuery).first?.firstText
        }
        #expect(found == before && before != nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: mount.path + "/main").isEmpty, "a snapshot is left")
    }

    @Test func aGroupComesBackAsItWasAtOneTime() async throws {
        let mount = try await LoopMount("btrfs")
        let rig = try FlowRig("group")
        defer { rig.close() }
        try rig.write("etc/snappy-flow/vault.pw", "correct horse battery staple\n")
        try shell("for name in orders uploads; do btrfs -q subvolume create '\(mount.path)/'$name; done")
        // The application writes one after the other; between the two writes they differ.
        let application = Process()
        application.executableURL = URL(fileURLWithPath: "/bin/bash")
        application.arguments = [
            "-euc",
            """
            cd '\(mount.path)'; n=0
            while [ ! -e stop ]; do
                if [ -e pause ]; then touch paused; sleep 0.01; continue; fi
                rm -f paused; n=$((n + 1)); echo $n > uploads/number; echo $n > orders/number; head -c 20000 /dev/urandom > uploads/$((n % 40))
            done
            """,
        ]
        try application.run()
        defer {
            _ = FileManager.default.createFile(atPath: mount.path + "/stop", contents: nil)
            application.waitUntilExit()
        }
        for (name, script) in [
            ("pause", "touch '\(mount.path)/pause'; until [ -e '\(mount.path)/paused' ]; do sleep 0.01; done"),
            ("resume", "rm -f '\(mount.path)/pause'"),
        ] {
            chmod(try rig.write("etc/snappy-flow/shop/\(name)", "#!/bin/sh\n\(script)\n"), 0o755)
        }
        let text = try String(contentsOfFile: "\(FlowRig.packageRoot)/pipelines/consistency-group.yaml", encoding: .utf8)
        let document = try rig.place(
            try rig.write("shipped/consistency-group.yaml", text.replacing("/srv/shop", with: mount.path)))
        try waitUntil("the application writes") { FileManager.default.fileExists(atPath: mount.path + "/orders/number") }
        let run = try rig.run(["run", document])
        #expect(run.status == 0, "\(run.output)\n\(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: mount.path + "/pause"))
        for system in ["orders", "uploads"] {
            let restored = try rig.write(
                "\(system).yaml",
                """
                name: bring-\(system)
                systems: {back: {type: directory, path: \(rig.path("back/\(system)"))}}
                repositories: {vault: {type: local, path: \(rig.path("backup/vault")), password: {fromFile: \(rig.path("etc/snappy-flow/vault.pw"))}}}
                steps:
                  - {restore: latest, from: vault, to: back, system: \(system)}
                """)
            let outcome = try rig.run(["run", restored])
            #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        }
        let numbers = try ["orders", "uploads"].map { try String(contentsOfFile: rig.path("back/\($0)/number"), encoding: .utf8) }
        #expect(numbers[0] == numbers[1] && !numbers[0].isEmpty)
    }

    private func frozen(_ name: String, hold: Bool) async throws -> (rig: FlowRig, mount: LoopMount, disk: LoopMount, document: String) {
        // The image lies on an xfs, which clones it; its file system is mounted over a loop device.
        let disk = try await LoopMount("xfs")
        let rig = try FlowRig("frozen-\(name)")
        try rig.write("pw", "secret\n")
        let mount = try await LoopMount("ext4", image: disk.path + "/data.img")
        try Data("as it was".utf8).write(to: URL(fileURLWithPath: mount.path + "/file"))
        let waiting = hold ? "  - {exec: {argv: [sleep, \"40\"], instant: true}, id: hold, timeout: 45s}\n" : ""
        let document = try rig.write(
            "frozen.yaml",
            """
            name: frozen
            systems:
              files: {type: filesystem, path: \(mount.path)}
              disk:  {type: blockdevice, path: \(disk.path)/data.img}
            repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}}
            steps:
              - {quiesce: files, maxHold: 50s}
            \(waiting)  - {snapshot: disk}
              - {copy: disk, to: vault}
            """)
        return (rig, mount, disk, document)
    }

    @Test func theDiskBelowAFrozenFileSystemIsWhole() async throws {
        let (rig, mount, disk, document) = try await frozen("whole", hold: false)
        defer { rig.close() }
        let run = try rig.run(["run", document])
        #expect(run.status == 0, "\(run.output)\n\(run.errors)")
        #expect(try await !mount.isFrozen)
        let restore = try rig.run([
            "restore", "--file", document, "--repository", "vault", "--snapshot", "latest", "--target", rig.path("back"),
        ])
        #expect(restore.status == 0, "\(restore.output)\n\(restore.errors)")
        let image = rig.path("back/blockdevice") + disk.path + "/data.img"
        try FileManager.default.createDirectory(atPath: rig.path("look"), withIntermediateDirectories: true)
        // No journal to be replayed: it was at rest.
        try shell(
            "e2fsck -fn '\(image)'; mount -o loop,ro,noload '\(image)' '\(rig.path("look"))'; cat '\(rig.path("look"))/file' > '\(rig.path("seen"))'; umount '\(rig.path("look"))'"
        )
        #expect(try String(contentsOfFile: rig.path("seen"), encoding: .utf8) == "as it was")
    }

    @Test func aFrozenFileSystemIsThawedByTheGuardWhenAllElseIsKilled() async throws {
        let (rig, mount, disk, document) = try await frozen("killed", hold: true)
        defer { rig.close() }
        let process = try rig.start(["run", document])
        // To ask the kernel means to freeze for a moment: the mark says when there is something to ask.
        try waitUntil("the file system is frozen", seconds: 60) {
            let marks = (try? FileManager.default.contentsOfDirectory(atPath: "/run/snappy-flow/freezes")) ?? []
            return marks.contains { name in
                let mark = (try? String(contentsOfFile: "/run/snappy-flow/freezes/\(name)", encoding: .utf8)) ?? ""
                return mark.replacing("\\/", with: "/").contains(mount.path) && !mark.contains("asking")
            }
        }
        #expect(try await mount.isFrozen, "\(process.output)\(process.errors)")
        process.send(SIGKILL)
        #expect(process.wait().signal == SIGKILL)
        // Nobody is left but the guard. Its maxHold is far away: what it sees is that its worker is gone.
        try await eventually("the guard thaws it", within: .seconds(30), every: .milliseconds(50)) { try await !mount.isFrozen }
        try Data("written".utf8).write(to: URL(fileURLWithPath: mount.path + "/after"))
        withExtendedLifetime(disk) {}
    }
}
