import Foundation
import Rigs
import Testing

/// Ceph's client libraries are asked for by what asks a cluster, and by nothing else; what a machine lacks is said wherever somebody looks.
@Suite(.ownThread) struct CephLibrariesTests {
    @Test func theProgramStartsWithoutThemAndSaysWhatIsMissing() throws {
        let rig = try FlowRig("ceph-libraries")
        defer { rig.close() }
        // Found first, and no library: as on a machine that does not have it.
        try rig.write("lib/librados.so.2", "")
        let environment = ["LD_LIBRARY_PATH": rig.path("lib")]
        let list = try rig.run(["plugins", "list"], environment: environment)
        #expect(list.status == 0 && list.output.contains("ceph-rbd"), "\(list.output)\(list.errors)")
        let missing = "the library librados.so.2, for ceph-rbd, ceph-rados, rados: install it (Debian: `apt install librados2`)"
        #expect(list.output.contains("missing on this machine: \(missing)"), "\(list.output)")
        #expect(try !rig.run(["plugins", "list"]).output.contains("librados.so.2"))
        let json = try rig.run(["plugins", "list", "--output", "json"], environment: environment)
        let types = try #require(JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
        let type = try #require(types.first { $0["name"] as? String == "rados" })
        #expect(type["isolation"] as? [String: String] == ["in": "child", "because": "native-library"], "\(type)")
        let need = try #require((type["needs"] as? [[String: Any]])?.first)
        #expect(need["isThere"] as? Bool == false && need["package"] as? String == "librados2" && need["remedy"] != nil, "\(need)")
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
        #expect(run.status != 0 && !run.output.contains("job "), "nothing is begun: \(run.output)")
        #expect((run.output + run.errors).contains("apt install librados2"), "\(run.output)\(run.errors)")
        let doctor = try rig.run(["doctor", pipeline], environment: environment)
        #expect(doctor.status == 1 && doctor.output.contains("system disk (ceph-rbd) needs the library librados.so.2"), "\(doctor.output)")
        #expect(doctor.output.contains("missing: \(missing)"), "\(doctor.output)")
    }

    /// A system is opened to see whether it answers, for no step.
    @Test func doctorAsksTheSystemsOfADocument() throws {
        let rig = try FlowRig("doctor-systems")
        defer { rig.close() }
        try rig.write("home/a", "first")
        try rig.write("vault.pw", "geheim")
        func document(_ host: String) throws -> String {
            try rig.write(
                "all.yaml",
                """
                name: all
                systems:
                  home: {type: directory, path: \(rig.path("home"))}
                  shop: {type: postgresql, host: \(host), user: nobody}
                repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("vault.pw"))}, create: true}}
                steps:
                  - copy: [home, shop]
                    to: vault
                """)
        }
        let away = try rig.run(["doctor", try document(rig.path("nowhere"))])
        #expect(away.status == 1 && away.output.contains("system home: directory:\(rig.path("home"))"), "\(away.output)\(away.errors)")
        #expect(away.output.contains("system shop: expected"), "\(away.output)")
    }
}
