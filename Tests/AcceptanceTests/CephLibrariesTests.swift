import Rigs
import Testing

/// Ceph's client libraries are asked for by what asks a cluster, and by nothing else.
@Suite(.ownThread) struct CephLibrariesTests {
    @Test func theProgramStartsWithoutThemAndSaysWhatIsMissing() throws {
        let rig = try FlowRig("ceph-libraries")
        defer { rig.close() }
        // Found first, and no library: as on a machine that does not have it.
        try rig.write("lib/librados.so.2", "")
        let environment = ["LD_LIBRARY_PATH": rig.path("lib")]
        let list = try rig.run(["plugins", "list"], environment: environment)
        #expect(list.status == 0 && list.output.contains("ceph-rbd"), "\(list.output)\(list.errors)")
        try rig.write("vault.pw", "geheim")
        let pipeline = try rig.write(
            "disk.yaml",
            """
            name: disk
            systems: {disk: {type: ceph-rbd, image: disk, monitors: "127.0.0.1:1", user: admin}}
            repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("vault.pw"))}}}
            steps:
              - copy: disk
                to: vault
            """)
        let run = try rig.run(["run", pipeline], environment: environment)
        #expect(run.status != 0)
        #expect(run.output.contains("apt install librados2 librbd1"), "\(run.output)\(run.errors)")
    }
}
