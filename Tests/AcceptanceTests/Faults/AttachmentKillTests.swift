import Foundation
import Glibc
import Rigs
import Testing

/// The files of a disk's image are copied through a loop device and a mount. Whenever the worker is killed, the next one on the host undoes both, and
/// finishes the job. The real program on a real kernel: stopped by strace at the system call in question.
@Suite(.ownThread) struct AttachmentKillTests {
    struct Moment: Sendable, CustomTestStringConvertible {
        var name: String
        /// What strace does to a system call, the first of its kind in its thread: attaching and detaching have threads of their own.
        var injection: String
        /// Only calls about this path count: of the image where it begins with `@`.
        var path: String?
        /// Killed from outside when it has been mounted and this is so; killed by strace itself when nil.
        var isReached: (@Sendable (Disk) throws -> Bool)?
        /// What the kernel and the folder have when the worker is gone.
        var leaves: Leftover
        /// The image itself is mounted.
        var isLive = false
        var testDescription: String { name }
    }

    struct Leftover: OptionSet, Sendable {
        let rawValue: Int
        static let clone = Leftover(rawValue: 1)
        static let mount = Leftover(rawValue: 2)
    }

    /// Where the image lies, and what is there because of it.
    struct Disk: Sendable {
        let folder: String

        /// The snapshot's clone, and the one that is attached.
        func clones() -> Int {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/.snappy-flow-snapshots")) ?? []
            return names.count { $0.hasSuffix(".image") }
        }
        func isMapped() throws -> Bool { try !LoopDevices.over(folder: folder).isEmpty }
        func isMounted() throws -> Bool { try LoopDevices.over(folder: folder).contains { $0.contains("/attachments/") } }
        func leftover() throws -> Leftover {
            var found: Leftover = []
            if clones() > 1 { found.insert(.clone) }
            if try isMounted() { found.insert(.mount) }
            return found
        }
    }

    static let moments = [
        Moment(name: "armed, and nothing made", injection: "openat:signal=KILL:when=1", path: "@", leaves: [], isLive: true),
        Moment(name: "cloned, not mapped", injection: "openat:signal=KILL:when=1", path: "/dev/loop-control", leaves: .clone),
        Moment(name: "mapped, not mounted", injection: "mount:signal=KILL", leaves: .clone),
        Moment(name: "mapped, not mounted, without a snapshot", injection: "mount:signal=KILL", leaves: [], isLive: true),
        Moment(name: "mounted, not recorded", injection: "mount:delay_exit=30000000", isReached: { _ in true }, leaves: [.clone, .mount]),
        Moment(name: "while it is copied", injection: "/^link:signal=KILL:when=1", leaves: [.clone, .mount]),
        Moment(name: "copied, not unmounted", injection: "umount2:signal=KILL", leaves: [.clone, .mount]),
        Moment(
            name: "unmounted, not removed", injection: "umount2:delay_exit=30000000", isReached: { try !$0.isMounted() }, leaves: .clone),
        Moment(
            name: "removed, not recorded", injection: "/^unlink:delay_exit=10000000:when=2", isReached: { $0.clones() == 1 }, leaves: []),
    ]

    @Test(arguments: moments) func theNextWorkerDetachesAndFinishes(_ moment: Moment) async throws {
        try await LoopMountRig.withXFS { mount in
            let mount = try #require(mount, "needs root, to mount")
            let rig = try FlowRig("attachment-kill")
            defer { rig.close() }
            let disk = Disk(folder: mount + "/disks")
            defer { LoopDevices.release(folder: disk.folder) }
            try await HostProgram.run(
                [
                    "bash", "-euc",
                    """
                    mkdir disks content; seq 1 300000 > content/numbers; mkdir content/deep; echo found > content/deep/file
                    truncate -s 64M disks/disk.img; mkfs.ext4 -q -d content disks/disk.img
                    """,
                ], in: mount)
            try rig.write("pw", "secret\n")
            let document = try rig.write(
                "disk.yaml",
                """
                name: disk
                systems: {disk: {type: blockdevice, path: \(disk.folder)/disk.img}}
                repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}}
                steps:
                \(moment.isLive ? "" : "- snapshot: disk")
                - copy: disk
                  as: tree
                  to: vault

                """)
            let server = try await PostgreSQLServerRig.start()
            defer { server.stop() }
            let database = ["SNAPPY_FLOW_DATABASE": server.address]
            // What a first run makes for the first time is made.
            let warm = try rig.write("warm.yaml", "name: warm\nsteps: [{exec: [\"true\"]}]\n")
            try #require(try rig.run(["run", warm], environment: database).status == 0)
            try #require(try rig.run(["repository", "init", "--file", document, "--repository", "vault"]).status == 0)

            try kill(rig, document, at: moment, disk, database)
            // The kernel takes back by itself what no mount holds.
            try waitUntil("what is not mounted is not mapped") { try disk.isMounted() || !disk.isMapped() }
            #expect(try disk.leftover() == moment.leaves)

            let worker = try rig.start(["worker"], environment: database)
            defer {
                worker.send(SIGTERM)
                _ = worker.wait()
            }
            var job: [String: Any]?
            try waitUntil("the killed job ends", seconds: 120) {
                let listing = try rig.run(["jobs", "list", "--pipeline", "disk", "--output", "json"], environment: database)
                job = (try JSONSerialization.jsonObject(with: Data(listing.output.utf8)) as? [[String: Any]])?.first
                return job?["endedAt"] is String
            }
            #expect(job?["outcome"] as? String == "succeeded" && job?["cleanup"] as? String == "clean", "\(String(describing: job))")
            #expect(try LoopDevices.over(folder: disk.folder) == [])
            #expect(disk.clones() == 0 && !FileManager.default.fileExists(atPath: disk.folder + "/.snappy-flow-snapshots"))
            let judge = try ResticRig(repository: rig.path("vault"), password: "secret", cache: rig.path("restic-cache"))
            try await judge.succeed("check", "--read-data")
            try await judge.succeed("restore", "latest", "--target", rig.path("back"))
            try await HostProgram.run(
                ["diff", "-r", "--exclude", "lost+found", mount + "/content", rig.path("back/blockdevice") + disk.folder + "/disk.img"])
        }
    }

    private func kill(_ rig: FlowRig, _ document: String, at moment: Moment, _ disk: Disk, _ database: [String: String]) throws {
        let call = moment.injection.prefix { $0 != ":" }
        let path = moment.path.map { ["-P", $0 == "@" ? disk.folder + "/disk.img" : $0] } ?? []
        let process = try rig.start(
            ["run", document], environment: database,
            through: ["/usr/bin/strace", "-f", "-qq", "-o", rig.path("trace"), "-e", "signal=none"] + path
                + ["-e", "trace=\(call)", "-e", "inject=\(moment.injection)"])
        if let isReached = moment.isReached {
            var program: Int32 = 0
            try waitUntil("strace has started the program") {
                // It tries its own means on a child before.
                program =
                    try children(of: process.pid).first {
                        (try? executable(of: $0)) == URL(fileURLWithPath: FlowRig.binary).resolvingSymlinksInPath().path
                    } ?? 0
                return program > 0
            }
            // Whatever becomes of the test: a killed tracer would let go of it.
            defer { _ = Glibc.kill(program, SIGKILL) }
            try waitUntil("it is mounted", seconds: 120) { try disk.isMounted() }
            try waitUntil(moment.name, seconds: 120) { try isReached(disk) }
        }
        let outcome = process.wait()
        try #require(
            outcome.signal == SIGKILL || outcome.status == 128 + SIGKILL,
            "\(moment.name): \(outcome.status) \(outcome.output) \(outcome.errors)")
    }

    private func executable(of pid: Int32) throws -> String {
        URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")).path
    }

    private func children(of pid: Int32) throws -> [Int32] {
        try String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8).split(separator: " ").compactMap { Int32($0) }
    }
}
