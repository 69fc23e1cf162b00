import Basics
import Rigs
import Testing

// One after the other: a server of one process gets enough of one at a time, while the other suites run beside.
@Suite(.serialized) struct S3ConformanceTests {
    @Test(arguments: StoreCheck.all(of: .radosgw, .moto, .swiftS3)) func keeps(_ sample: StoreSample, _ check: StoreCheck) async throws {
        try await check(sample)
    }
}

extension StoreSample {
    /// S3 that is strict: Ceph's gateway.
    static let radosgw = StoreSample(name: "radosgw", type: "s3") { name, folder in
        let rig = try await RadosGatewayRig.running()
        return try place(name, folder, rig.url, (rig.accessKey, rig.secretKey))
    }

    /// S3 in breadth.
    static let moto = StoreSample(name: "moto", type: "s3") { name, folder in
        try place(name, folder, try await MotoRig.running().url, ("key", "secret"))
    }

    /// OpenStack Swift's S3 layer: a dialect that lacks things. restic's S3 client sends what it does not take; the bucket is a container too.
    static let swiftS3 = StoreSample(name: "swiftS3", type: "s3", createsOnce: false) { name, folder in
        let rig = try await OpenStackSwiftRig.running()
        var place = try place(name, folder, rig.s3URL, (rig.user, rig.password))
        place.restic = Restic(
            repository: "swift:\(name):/site/one",
            environment: ["ST_AUTH": rig.s3URL + "/auth/v1.0", "ST_USER": rig.user, "ST_KEY": rig.password])
        return place
    }

    private static func place(_ name: String, _ folder: ScratchFolder, _ url: String, _ keys: (access: String, secret: String)) throws
        -> Place
    {
        Place(
            settings: [
                "endpoint": .string(url), "bucket": .string(name), "prefix": "site/one",
                "accessKey": try folder.secret("access", keys.access), "secretKey": try folder.secret("secret", keys.secret),
            ],
            restic: Restic(
                repository: "s3:\(url)/\(name)/site/one",
                environment: ["AWS_ACCESS_KEY_ID": keys.access, "AWS_SECRET_ACCESS_KEY": keys.secret]))
    }
}
