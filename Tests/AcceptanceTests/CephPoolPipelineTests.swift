import Foundation
import Rigs
import Testing

/// The shipped pipelines of a pool's objects, on a real cluster.
@Suite(.ownThread) struct CephPoolPipelineTests {
    @Test func aPoolOfObjectsComesBackFromAFolder() async throws {
        let ceph = try await CephRig.running()
        let rig = try FlowRig("rados-local")
        defer { rig.close() }
        try rig.write("etc/snappy-flow/vault.pw", "geheim")
        func document(_ name: String) throws -> String {
            let placed = try rig.place(FlowRig.packageRoot + "/pipelines/\(name).yaml")
            let text = try String(contentsOfFile: placed, encoding: .utf8).replacing("/etc/ceph/ceph.conf", with: ceph.configuration)
            return try rig.write("\(name).yaml", text)
        }
        func rados(_ arguments: String...) async throws -> String {
            try await HostProgram.run(["env", "CEPH_CONF=\(ceph.configuration)", "rados"] + arguments)
        }
        for pool in ["app-objects", "app-objects-restored"] { try await ceph.run("ceph", "osd", "pool", "create", pool, "4", "4") }
        try rig.write("file", String(repeating: "all of an object\n", count: 1000))
        for number in 0..<30 { _ = try await rados("-p", "app-objects", "put", "objects/\(number)", rig.path("file")) }
        for key in ["b", "a", "c"] { _ = try await rados("-p", "app-objects", "setomapval", "objects/7", key, "value of \(key)") }
        _ = try await rados("-p", "app-objects", "setxattr", "objects/8", "colour", "red")
        _ = try await rados("-p", "app-objects", "-N", "site", "put", "objects/1", rig.path("file"))
        let backup = try document("ceph-rados-local")
        let first = try rig.run(["run", backup])
        #expect(first.status == 0, "\(first.output)\(first.errors)")
        _ = try await rados("-p", "app-objects", "setomapval", "objects/9", "key", "value")
        let second = try rig.run(["run", backup])
        #expect(second.status == 0, "\(second.output)\(second.errors)")
        #expect(try await rados("-p", "app-objects", "lssnap").contains("0 snaps"), "no snapshot is left")
        func facts(_ name: String) throws -> Int? {
            let list = try JSONSerialization.jsonObject(with: Data(try rig.run(["jobs", "list", "--output", "json"]).output.utf8))
            let job = try #require((list as? [[String: Any]])?.first?["id"] as? String)
            let shown = try rig.run(["jobs", "show", job, "--output", "json"]).output
            return try Regex("\"\(name)\" *: *([0-9]+)").firstMatch(in: shown)?[1].substring.flatMap { Int($0) }
        }
        // Of 32 files one object's data and its new omap.
        #expect(try facts("filesUnmodified") == 31)

        let restore = try rig.run(["run", try document("ceph-rados-restore")])
        #expect(restore.status == 0, "\(restore.output)\(restore.errors)")
        for pool in ["app-objects", "app-objects-restored"] { _ = try await rados("-p", pool, "export", rig.path(pool)) }
        #expect(FileManager.default.contentsEqual(atPath: rig.path("app-objects"), andPath: rig.path("app-objects-restored")))
        #expect(try await rados("-p", "app-objects-restored", "listomapkeys", "objects/7") == "a\nb\nc\n")
    }
}
