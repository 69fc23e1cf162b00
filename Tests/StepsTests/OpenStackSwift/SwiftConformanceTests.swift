import Basics
import Rigs
import Testing

// One after the other: a server of one process gets enough of one at a time, while the other suites run beside.
@Suite(.serialized) struct SwiftConformanceTests {
    @Test(arguments: StoreCheck.all(of: .swift, .gatewaySwift)) func keeps(_ sample: StoreSample, _ check: StoreCheck) async throws {
        try await check(sample)
    }
}

extension StoreSample {
    /// OpenStack Swift by TempAuth.
    static let swift = StoreSample(name: "swift", type: "swift", createsOnce: false) { name, folder in
        let rig = try await OpenStackSwiftRig.running()
        return try place(name, folder, (rig.authURL, rig.user, rig.password))
    }

    /// The Swift API of Ceph's gateway.
    static let gatewaySwift = StoreSample(name: "gatewaySwift", type: "swift", createsOnce: false) { name, folder in
        try place(name, folder, try await RadosGatewayRig.running().swiftKeys)
    }

    private static func place(_ name: String, _ folder: ScratchFolder, _ keys: (url: String, user: String, key: String)) throws -> Place {
        Place(
            settings: [
                "authURL": .string(keys.url), "user": .string(keys.user), "userPassword": try folder.secret("key", keys.key),
                "container": .string(name), "prefix": "site/one",
            ],
            restic: Restic(
                repository: "swift:\(name):/site/one", environment: ["ST_AUTH": keys.url, "ST_USER": keys.user, "ST_KEY": keys.key]))
    }
}
