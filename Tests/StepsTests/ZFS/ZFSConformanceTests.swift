import Basics
import Rigs
import Testing

// One after the other: zfs-fuse has hung where eight pools came and went at once.
@Suite(.serialized) struct ZFSConformanceTests {
    @Test(arguments: SystemCheck.all(of: ZFSSample.type)) func keeps(_ check: SystemCheck) async throws { try await check(ZFSSample.self) }
}

final class ZFSSample: FolderSample {
    static let type = "zfs"
    // Before the folder in which it is mounted: released first.
    private let pool: ZFSPoolRig
    let folder: ScratchFolder
    var settings: [String: JSONValue] { settings(["dataset": .string(pool.name)]) }

    init() async throws {
        folder = try ScratchFolder("conformance")
        pool = try await ZFSPoolRig(at: folder.file("data"))
        try writeContent()
    }
}
