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
}
