import Basics
import Rigs
import Testing

// One after the other: a server of one process gets enough of one at a time, while the other suites run beside.
@Suite(.serialized) struct RESTConformanceTests {
    @Test(arguments: StoreCheck.all(of: .rclone, .restServer)) func keeps(_ sample: StoreSample, _ check: StoreCheck) async throws {
        try await check(sample)
    }
}

extension StoreSample {
    /// restic's REST protocol, spoken by rclone.
    static let rclone = StoreSample(name: "rclone", type: "rest", createsOnce: false) { name, _ in
        place(at: try await RcloneServerRig.running().url + name + "/")
    }

    /// The same, spoken by our own server.
    static let restServer = StoreSample(name: "restServer", type: "rest", isKnownToCreateOnce: false, namesAreContents: true) { name, _ in
        place(at: try await RestServerRig.running().url + name + "/")
    }

    private static func place(at url: String) -> Place { Place(settings: ["url": .string(url)], restic: Restic(repository: "rest:" + url)) }
}
