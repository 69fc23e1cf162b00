import Basics
import Rigs
import Testing

@Suite struct BtrfsConformanceTests {
    @Test(arguments: SystemCheck.all(of: BtrfsSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(BtrfsSample.self)
    }
}

final class BtrfsSample: FolderSample {
    static let type = "btrfs"
    // Before the folder in which it is mounted: released first.
    private let mount: LoopMount
    let folder: ScratchFolder
    var settings: [String: JSONValue] { settings(["path": .string(data)]) }
    var targetSettings: [String: JSONValue] { settings(["path": .string(folder.file("target"))]) }

    init() async throws {
        folder = try ScratchFolder("conformance")
        mount = try await LoopMount("btrfs", at: folder.file("data"))
        try writeContent()
    }
}
