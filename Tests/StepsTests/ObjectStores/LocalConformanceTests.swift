import Basics
import Rigs
import Testing

// One after the other: a server of one process gets enough of one at a time, while the other suites run beside.
@Suite(.serialized) struct LocalConformanceTests {
    @Test(arguments: StoreCheck.all(of: .local)) func keeps(_ sample: StoreSample, _ check: StoreCheck) async throws {
        try await check(sample)
    }
}

extension StoreSample {
    static let local = StoreSample(name: "local", type: "local") { _, folder in
        Place(settings: ["path": .string(folder.file("repo"))], restic: Restic(repository: folder.file("repo")))
    }
}
