import Foundation
import Rigs
import Testing

/// The shipped pipeline of a guest's disk, on an xfs that can clone files.
@Suite(.ownThread) struct DiskImageTests {
    private func shell(_ script: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-euc", script]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(script)")
    }

    @Test func theSecondRunReadsWhatChangedSinceTheBaseThatTheFirstLeft() async throws {
        try await LoopMountRig.withXFS { mount in
            let mount = try #require(mount, "needs root, to mount an xfs")
            let rig = try FlowRig("disk-image")
            defer { rig.close() }
            try rig.write("etc/snappy-flow/vault.pw", "correct horse battery staple\n")
            let image = mount + "/guest.img"
            let text = try String(contentsOfFile: "\(FlowRig.packageRoot)/pipelines/disk-image.yaml", encoding: .utf8)
            let document = try rig.place(
                try rig.write("shipped/disk-image.yaml", text.replacing("/var/lib/libvirt/images/guest.img", with: image)))
            try shell(
                "truncate -s 64M '\(image)'; mkfs.ext4 -q '\(image)'; dd if=/dev/urandom of='\(image)' bs=1M count=8 seek=30 conv=notrunc")

            func read(_ job: String) throws -> (read: Int, reused: Int) {
                let shown = try rig.run(["jobs", "show", job, "--output", "json"])
                func value(_ name: String) throws -> Int {
                    let match = try Regex("\"\(name)\" *: *([0-9]+)").firstMatch(in: shown.output)
                    return try #require(match?[1].substring.flatMap { Int($0) }, "\(name) in \(shown.output)")
                }
                return (try value("extentsRead"), try value("extentsReused"))
            }
            func run() throws -> (read: Int, reused: Int) {
                let outcome = try rig.run(["run", document])
                #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
                let listing = try rig.run(["jobs", "list", "--output", "json"])
                let jobs = try JSONSerialization.jsonObject(with: Data(listing.output.utf8)) as? [[String: Any]]
                return try read(try #require(jobs?.first?["id"] as? String))
            }
            let kept = mount + "/.snappy-flow-snapshots"
            let first = try run()
            #expect(first.reused == 0 && first.read >= 8)
            let base = try FileManager.default.contentsOfDirectory(atPath: kept)
            #expect(base.count == 1)
            try shell("printf changed | dd of='\(image)' bs=1 seek=33000000 conv=notrunc; sync '\(image)'")
            let second = try run()
            #expect(second.read == 1 && second.reused == 63)
            // The former base is released when the next is in place.
            let next = try FileManager.default.contentsOfDirectory(atPath: kept)
            #expect(next.count == 1 && next != base)

            try shell("cp '\(image)' '\(rig.path("original"))'; rm '\(image)'")
            let restore = try rig.run([
                "restore", "--file", document, "--repository", "vault", "--snapshot", "latest", "--target", rig.path("back"),
            ])
            #expect(restore.status == 0, "\(restore.output)\n\(restore.errors)")
            try shell(
                "cmp '\(rig.path("original"))' '\(rig.path("back"))/blockdevice\(image)'; e2fsck -fn '\(rig.path("back"))/blockdevice\(image)'"
            )
        }
    }
}
