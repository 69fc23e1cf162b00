import Foundation
import Rigs
import Testing

/// The shipped pipelines to object stores, on real servers.
@Suite(.ownThread) struct ObjectStorePipelineTests {
    @Test func whatIsLockedInABucketOutlivesAPrune() async throws {
        let gateway = try await RadosGatewayRig.running()
        let rig = try FlowRig("s3-lock")
        defer { rig.close() }
        for number in 0..<20 { try rig.write("srv/files/\(number)", String(repeating: "\(number) of the files ", count: 2000)) }
        try rig.write("etc/snappy-flow/s3.key", gateway.accessKey)
        try rig.write("etc/snappy-flow/s3.secret", gateway.secretKey)
        try rig.write("etc/snappy-flow/vault.pw", "geheim")
        let placed = try rig.place(FlowRig.packageRoot + "/pipelines/s3-object-lock.yaml")
        let bucket = "lock\(UInt32.random(in: 0 ... .max))"
        // Short enough for the bucket to be left to its server's end, and a policy that keeps one of the three.
        let text = try String(contentsOfFile: placed, encoding: .utf8).replacing("https://s3.example:7480", with: gateway.url)
            .replacing("bucket: backups", with: "bucket: \(bucket)").replacing("retain: 90d", with: "retain: 1h")
            .replacing("keep: {last: 3, daily: 14, weekly: 8}", with: "keep: {last: 1}\n      minProved: 1")
        let document = try rig.write("pipeline.yaml", text)
        for round in 1...3 {
            try rig.write("srv/files/round", "\(round)")
            let run = try rig.run(["run", document])
            #expect(run.status == 0, "\(round): \(run.output)\(run.errors)")
            #expect(!(run.output + run.errors).contains(gateway.secretKey))
        }
        let place = ["--file", document, "--repository", "vault"]
        let list = try JSONSerialization.jsonObject(with: Data(try rig.run(["snapshots", "list", "--output", "json"] + place).output.utf8))
        #expect((list as? [Any])?.count == 3, "nothing went before its time")
        let check = try rig.run(["repository", "check", "--read", "all"] + place)
        #expect(check.status == 0, "\(check.errors)")
        let back = rig.path("back")
        let restore = try rig.run(["restore", "--snapshot", "latest", "--target", back] + place)
        #expect(restore.status == 0, "\(restore.errors)")
        #expect(FileManager.default.contentsEqual(atPath: rig.path("srv/files"), andPath: back + rig.path("srv/files")))
        let logs = try rig.run(["jobs", "list", "--output", "json"])
        #expect(!logs.output.contains(gateway.secretKey))
    }

    /// A folder and a server that hold the same: neither hides what the other lacks, and either will do on the day of a loss.
    @Test func whatIsMirroredSurvivesEitherPlace() async throws {
        let rig = try FlowRig("mirror")
        defer { rig.close() }
        for number in 0..<20 { try rig.write("srv/\(number)", String(repeating: "\(number) of the files ", count: 2000)) }
        try rig.write("vault.pw", "geheim")
        let server = try await RestServerRig.started()
        func document(_ name: String, _ server: RestServerRig) throws -> String {
            try rig.write(
                name,
                """
                name: home
                systems: {home: {type: directory, path: \(rig.path("srv"))}}
                repositories:
                  vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("vault.pw"))}, mirror: offsite}
                  offsite: {type: rest, url: "\(server.url)", password: {fromFile: \(rig.path("vault.pw"))}, retryFor: 1s}
                steps:
                  - copy: home
                    to: vault
                    retry: {attempts: 1}
                  - verify: copy-home
                    read: all
                """)
        }
        let first = try document("pipeline.yaml", server)
        let run = try rig.run(["run", first])
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        for place in [rig.path("vault"), "rest:" + server.url] {
            let restic = try ResticRig(repository: place, password: "geheim", cache: rig.path("cache-\(place.count)"))
            try await restic.succeed("check", "--read-data")
        }

        kill(server.pid, SIGKILL)
        try rig.write("srv/more", "and more")
        let half = try rig.run(["run", first])
        #expect(half.status != 0 && (half.output + half.errors).contains("\(server.port)"), "\(half.output)\(half.errors)")
        let one = ["--file", first, "--repository", "vault"]
        let read = try rig.run(["restore", "--snapshot", "latest", "--target", rig.path("back1")] + one)
        #expect(read.status == 0 && read.errors.contains("warning"), "\(read.output)\(read.errors)")
        #expect(!FileManager.default.fileExists(atPath: rig.path("back1") + rig.path("srv/more")), "what was not on both is no snapshot")

        let again = try await RestServerRig.started(over: server)
        let second = try document("again.yaml", again)
        let both = ["--file", second, "--repository", "vault"]
        let level = try rig.run(["repository", "mirror", "--read-data"] + both)
        #expect(level.status == 0, "\(level.output)\(level.errors)")
        let rerun = try rig.run(["run", second])
        #expect(rerun.status == 0, "\(rerun.output)\(rerun.errors)")

        try FileManager.default.removeItem(atPath: rig.path("vault"))
        for (number, repository) in ["vault", "offsite"].enumerated() {
            let target = rig.path("lost\(number)")
            let restore = try rig.run(["restore", "--snapshot", "latest", "--target", target, "--file", second, "--repository", repository])
            #expect(restore.status == 0, "\(restore.output)\(restore.errors)")
            #expect(FileManager.default.contentsEqual(atPath: rig.path("srv"), andPath: target + rig.path("srv")))
        }
        let refused = try rig.run(["run", second])
        #expect(
            refused.status != 0 && (refused.output + refused.errors).contains("repository mirror"), "\(refused.output)\(refused.errors)")
        #expect(try rig.run(["repository", "mirror"] + both).status == 0)
        #expect(try rig.run(["run", second]).status == 0)
        #expect(try rig.run(["repository", "check", "--read", "all"] + both).status == 0)
    }

    /// Who holds this machine adds to its backups and takes nothing away; what does not fit says so, and spoils nothing.
    @Test func whatOnlyGrowsIsCopiedTo() async throws {
        let rig = try FlowRig("rest-append")
        defer { rig.close() }
        for number in 0..<20 { try rig.write("srv/files/\(number)", String(repeating: "\(number) of the files ", count: 2000)) }
        try rig.write("etc/snappy-flow/rest.pw", "an owl, a lamp, a bell")
        try rig.write("etc/snappy-flow/vault.pw", "geheim")
        let hash = try await HostProgram.run(["openssl", "passwd", "-6", "an owl, a lamp, a bell"])
        let users = try rig.write("etc/snappy-flow/rest.users", "site-7:\(hash)\n")
        let openssl = """
            openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost
            """
        try await HostProgram.run(["bash", "-euc", openssl], in: rig.folder)
        let secured = ["--tls-cert", rig.path("cert.pem"), "--tls-key", rig.path("key.pem"), "--htpasswd", users, "--private-repos"]
        func document(_ name: String, _ server: RestServerRig) throws -> String {
            let placed = try rig.place(FlowRig.packageRoot + "/pipelines/rest-append-only.yaml")
            let text = try String(contentsOfFile: placed, encoding: .utf8)
                .replacing("url: https://backup.example:8000/", with: "trustFile: \(rig.path("cert.pem"))\n      url: \(server.url)")
                .replacing("read: 10%", with: "read: all").replacing("attempts: 5", with: "attempts: 2")
            return try rig.write(name, text)
        }
        // An empty repository takes a MiB of it: folders count.
        let server = try await RestServerRig.started(secured + ["--append-only", "--max-size", "2MB"])
        let pipeline = try document("pipeline.yaml", server)
        for round in 1...2 {
            try rig.write("srv/files/round", "\(round)")
            let run = try rig.run(["run", pipeline])
            #expect(run.status == 0, "\(round): \(run.output)\(run.errors)")
        }
        let place = ["--file", pipeline, "--repository", "offsite"]
        func snapshots(_ place: [String]) throws -> Int? {
            let list = try rig.run(["snapshots", "list", "--output", "json"] + place)
            return (try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [Any])?.count
        }
        let before = server.files.sorted()
        let prune = try rig.write(
            "prune.yaml",
            try String(contentsOfFile: pipeline, encoding: .utf8) + "    - prune: offsite\n      keep: {last: 1}\n      minProved: 1\n")
        let refused = try rig.run(["run", prune])
        #expect(refused.status == 1 && (refused.output + refused.errors).contains("--append-only"), "\(refused.output)\(refused.errors)")
        #expect(Set(before).isSubset(of: server.files), "nothing went")
        #expect(try snapshots(place) == 3)

        // More than there is room for.
        try await HostProgram.run(["bash", "-euc", "head -c 3000000 /dev/urandom >srv/files/much"], in: rig.folder)
        let full = try rig.run(["run", pipeline])
        #expect(full.status == 1 && (full.output + full.errors).contains("--max-size"), "\(full.output)\(full.errors)")
        let check = try rig.run(["repository", "check", "--read", "all"] + place)
        #expect(check.status == 0, "\(check.errors)")
        #expect(try snapshots(place) == 3)
        // The owner raises it.
        let larger = try await RestServerRig.started(secured + ["--append-only", "--max-size", "10MB"], over: server)
        let next = try document("pipeline.yaml", larger)
        let run = try rig.run(["run", next])
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        let back = rig.path("back")
        let restore = try rig.run(["restore", "--snapshot", "latest", "--target", back] + place)
        #expect(restore.status == 0, "\(restore.errors)")
        #expect(FileManager.default.contentsEqual(atPath: rig.path("srv/files"), andPath: back + rig.path("srv/files")))
        #expect(!(larger.log + server.log + run.output + run.errors).contains("an owl"))
    }

    /// A guest's disk in Ceph: copied to a bucket, changed, copied again, lost, and brought back with the file system in it.
    @Test func aDiskInCephComesBackFromABucket() async throws {
        let gateway = try await RadosGatewayRig.running()
        let ceph = try await CephRig.running()
        let rig = try FlowRig("rbd-s3")
        defer { rig.close() }
        try rig.write("etc/snappy-flow/s3.key", gateway.accessKey)
        try rig.write("etc/snappy-flow/s3.secret", gateway.secretKey)
        try rig.write("etc/snappy-flow/vault.pw", "geheim")
        let bucket = "disks\(UInt32.random(in: 0 ... .max))"
        func document(_ name: String) throws -> String {
            let placed = try rig.place(FlowRig.packageRoot + "/pipelines/\(name).yaml")
            let text = try String(contentsOfFile: placed, encoding: .utf8).replacing("https://s3.example:7480", with: gateway.url)
                .replacing("bucket: backups", with: "bucket: \(bucket)").replacing("/etc/ceph/ceph.conf", with: ceph.configuration)
            return try rig.write("\(name).yaml", text)
        }
        try await ceph.run("ceph", "osd", "pool", "create", "vms", "8", "8")
        try await ceph.run("rbd", "pool", "init", "vms")
        let disk = rig.path("disk")
        func shell(_ script: String) async throws -> String { try await HostProgram.run(["bash", "-euc", script], in: rig.folder) }
        _ = try await shell(
            "truncate -s 48M disk; mkfs.ext4 -q disk; mkdir files; head -c 3000000 /dev/urandom >files/a; debugfs -w -R 'write files/a a' disk"
        )
        try await ceph.run("rbd", "import", disk, "vms/shop-root")
        let backup = try document("ceph-rbd-s3")
        let first = try rig.run(["run", backup])
        #expect(first.status == 0, "\(first.output)\(first.errors)")
        #expect(try await ceph.run("rbd", "snap", "ls", "vms/shop-root").split(separator: "\n").count == 2, "a base, and a line of titles")

        // The guest writes: another file. Only what changed is read, and one base is left.
        _ = try await shell("head -c 100000 /dev/urandom >files/b; debugfs -w -R 'write files/b b' disk")
        try await ceph.run("rbd", "export", "vms/shop-root", rig.path("before"))
        try await HostProgram.run(["python3", "-c", Self.difference], in: rig.folder)
        try await ceph.run("rbd", "import-diff", rig.path("difference"), "vms/shop-root")
        let second = try rig.run(["run", backup])
        #expect(second.status == 0, "\(second.output)\(second.errors)")
        let shown = try rig.run(["jobs", "list", "--output", "json"])
        let job = try #require(
            (try JSONSerialization.jsonObject(with: Data(shown.output.utf8)) as? [[String: Any]])?.first?["id"] as? String)
        let details = try rig.run(["jobs", "show", job, "--output", "json"]).output
        let reused = try #require(try Regex("\"extentsReused\" *: *([0-9]+)").firstMatch(in: details)?[1].substring.flatMap { Int($0) })
        #expect(reused > 20, "\(details)")
        #expect(try await ceph.run("rbd", "snap", "ls", "vms/shop-root").split(separator: "\n").count == 2)

        // Held by a clone while it is copied: nothing of that is left but the base's protection, which the next base ends.
        let plain = try String(contentsOfFile: backup, encoding: .utf8)
        for (clone, protected) in [("true", "yes"), ("true", "yes"), ("false", "")] {
            let held = try rig.write(
                "held.yaml", plain.replacing("image: shop-root,", with: "image: shop-root, clone: \(clone),"))
            let run = try rig.run(["run", held])
            #expect(run.status == 0 && run.output.contains("1 unmodified"), "\(run.output)\(run.errors)")
            #expect(try await ceph.run("rbd", "ls", "vms").split(separator: "\n") == ["shop-root"])
            let bases = try await ceph.run("rbd", "snap", "ls", "vms/shop-root").split(separator: "\n").dropFirst()
            #expect(bases.count == 1 && bases.first?.contains(" yes ") == (protected == "yes"), "\(clone): \(bases)")
        }

        // The image is lost, its base with it.
        try await ceph.run("rbd", "snap", "purge", "vms/shop-root")
        try await ceph.run("rbd", "rm", "vms/shop-root")
        let restore = try rig.run(["run", try document("ceph-rbd-restore")])
        #expect(restore.status == 0, "\(restore.output)\(restore.errors)")
        try await ceph.run("rbd", "export", "vms/shop-root-restored", rig.path("back"))
        _ = try await shell("cmp disk back; e2fsck -fn back; debugfs -R 'dump b b.back' back; cmp files/b b.back")
        let again = try rig.run(["run", try document("ceph-rbd-restore")])
        #expect(again.status == 1 && again.errors.contains("no image of that name") || again.output.contains("no image of that name"))
    }

    /// Two disks in one instant, to OpenStack Swift: full, increment, and restic finds both.
    @Test func twoDisksInOneInstantGoToSwift() async throws {
        let swift = try await OpenStackSwiftRig.running()
        let ceph = try await CephRig.running()
        let rig = try FlowRig("rbd-group")
        defer { rig.close() }
        try rig.write("etc/snappy-flow/swift.pw", swift.password)
        try rig.write("etc/snappy-flow/vault.pw", "geheim")
        let container = "disks\(UInt32.random(in: 0 ... .max))"
        let placed = try rig.place(FlowRig.packageRoot + "/pipelines/ceph-rbd-group-swift.yaml")
        let text = try String(contentsOfFile: placed, encoding: .utf8).replacing("https://swift.example/auth/v1.0", with: swift.authURL)
            .replacing("backup:snappy-flow", with: swift.user).replacing("container: backups", with: "container: \(container)")
            .replacing("/etc/ceph/ceph.conf", with: ceph.configuration).replacing("pool: vms", with: "pool: rbd")
        let document = try rig.write("pipeline.yaml", text)
        for disk in ["orders-data", "orders-log"] {
            try await HostProgram.run(["bash", "-euc", "head -c 5000000 /dev/urandom >\(disk); truncate -s 16M \(disk)"], in: rig.folder)
            try await ceph.run("rbd", "import", rig.path(disk), disk)
        }
        for round in 1...2 {
            let run = try rig.run(["run", document])
            #expect(run.status == 0, "\(round): \(run.output)\(run.errors)")
            // A base each, and no group.
            for disk in ["orders-data", "orders-log"] {
                #expect(try await ceph.run("rbd", "snap", "ls", disk).split(separator: "\n").count == 2, "\(round) \(disk)")
            }
            #expect(try await ceph.run("rbd", "group", "ls").isEmpty, "\(round)")
        }
        let restic = try ResticRig(
            repository: "swift:\(container):/orders", password: "geheim", cache: rig.path("cache"),
            environment: ["ST_AUTH": swift.authURL, "ST_USER": swift.user, "ST_KEY": swift.password])
        try await restic.succeed("check", "--read-data")
        let snapshots = try await restic.succeed("snapshots", "--json")
        #expect(snapshots.components(separatedBy: "\"short_id\"").count == 5, "\(snapshots)")
        for disk in ["orders-data", "orders-log"] {
            try await restic.succeed(
                "restore", "latest", "--tag", "system:\(disk == "orders-data" ? "data" : "log")", "--target", rig.path("back"))
            try await HostProgram.run(["cmp", rig.path(disk), rig.path("back/ceph-rbd/rbd/\(disk)")])
        }
    }

    /// `difference`: what `disk` has otherwise than `before`, as `rbd import-diff` takes it (docs.ceph.com, dev/rbd-diff).
    private static let difference = """
        import struct
        before, now = open('before', 'rb').read(), open('disk', 'rb').read()
        with open('difference', 'wb') as out:
            out.write(b'rbd diff v1\\n' + b's' + struct.pack('<Q', len(now)))
            for at in range(0, len(now), 4096):
                if before[at:at + 4096] != now[at:at + 4096]: out.write(b'w' + struct.pack('<QQ', at, 4096) + now[at:at + 4096])
            out.write(b'e')
        """
}
