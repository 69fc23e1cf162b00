import Foundation
import Rigs
import Testing

/// The shipped pipeline over a CephFS, as its users run it.
@Suite(.ownThread) struct CephFSPipelineTests {
    @Test func aSharedFolderIsCopiedFromItsSnapshots() async throws {
        let rig = try FlowRig("cephfs")
        defer { rig.close() }
        try rig.write("etc/snappy-flow/vault.pw", "geheim")
        let shared = try await CephFSRig.running().folder()
        _ = try await HostProgram.run(["bash", "-euc", "mkdir deep; echo one > deep/a; echo two > b; echo no > c.tmp"], in: shared)
        let placed = try rig.place(FlowRig.packageRoot + "/pipelines/cephfs.yaml")
        let text = try String(contentsOfFile: placed, encoding: .utf8).replacing(rig.path("srv/cephfs/shared"), with: shared)
        let document = try rig.write("pipeline.yaml", text)
        for _ in 1...2 {
            let run = try rig.run(["run", document])
            #expect(run.status == 0, "\(run.output)\(run.errors)")
        }
        let restic = try ResticRig(repository: rig.path("backup/vault"), password: "geheim", cache: rig.path("cache"))
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", rig.path("back"))
        let found = try await HostProgram.run(["bash", "-euc", "find . -type f | sort | xargs tail -n +1"], in: rig.path("back") + shared)
        #expect(found == "==> ./b <==\ntwo\n\n==> ./deep/a <==\none\n")
        #expect(try await HostProgram.run(["ls", shared + "/.snap"]) == "")
    }
}
