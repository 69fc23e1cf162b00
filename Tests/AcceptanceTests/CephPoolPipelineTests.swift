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

    /// Twenty times the objects need hardly more memory, in the worker or in the process that has librados.
    @Test func manyObjectsNeedNoMoreMemory() async throws {
        let ceph = try await CephRig.running()
        let rig = try FlowRig("rados-many")
        defer { rig.close() }
        try rig.write("pw", "geheim")
        let pool = "many\(UInt32.random(in: 0 ... .max))"
        try await ceph.run("ceph", "osd", "pool", "create", pool, "4", "4")
        func kibibytes(_ count: Int) async throws -> Int {
            let objects = ["env", "CEPH_CONF=\(ceph.configuration)", "/usr/bin/python3", "-c", Self.objects, pool, "n\(count)", "\(count)"]
            try await HostProgram.run(objects)
            let document = try rig.write(
                "\(count).yaml",
                """
                name: many-\(count)
                systems:      {objects: {type: ceph-rados, pool: \(pool), namespace: n\(count), configuration: \(ceph.configuration)}}
                repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}}
                steps:        [{copy: objects, to: vault}]
                """)
            let most = rig.path("most")
            let run = try rig.start(["run", document], through: ["/usr/bin/python3", "-c", Self.measure, most]).wait()
            #expect(run.status == 0, "\(run.output)\(run.errors)")
            return try #require(Int(try String(contentsOfFile: most, encoding: .utf8)))
        }
        let few = try await kibibytes(1000)
        let many = try await kibibytes(20_000)
        #expect(many - few < 24 << 10, "\(few) KiB for 1000 objects, \(many) KiB for 20000")
        let restic = try ResticRig(repository: rig.path("vault"), password: "geheim", cache: rig.path("cache"))
        try await restic.succeed("check", "--read-data")
        let files = try await restic.succeed("ls", "latest", "--json")
        #expect(files.components(separatedBy: "\"type\":\"file\"").count == 20_001)
        try await ceph.run("ceph", "osd", "pool", "rm", pool, pool, "--yes-i-really-really-mean-it")
    }

    /// Runs a program; the largest memory (KiB) that it or a child of it had goes to a file.
    private static let measure = """
        import resource, subprocess, sys
        code = subprocess.run(sys.argv[2:]).returncode
        open(sys.argv[1], 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
        sys.exit(code)
        """

    /// Objects of a few bytes, many writes under way at once.
    private static let objects = """
        import os, sys
        from ctypes import *
        lib = CDLL('librados.so.2')
        def must(code):
            if code < 0: sys.exit('librados: %d' % code)
        cluster, io = c_void_p(), c_void_p()
        must(lib.rados_create(byref(cluster), b'admin'))
        must(lib.rados_conf_read_file(cluster, os.environ['CEPH_CONF'].encode()))
        must(lib.rados_connect(cluster))
        must(lib.rados_ioctx_create(cluster, sys.argv[1].encode(), byref(io)))
        lib.rados_ioctx_set_namespace(io, sys.argv[2].encode())
        for start in range(0, int(sys.argv[3]), 500):
            for number in range(start, start + 500):
                data = b'object %d' % number
                done = c_void_p()
                must(lib.rados_aio_create_completion2(None, None, byref(done)))
                must(lib.rados_aio_write_full(io, b'a name of some length, as names are, %d' % number, done, data, c_size_t(len(data))))
            must(lib.rados_aio_flush(io))
        """
}
