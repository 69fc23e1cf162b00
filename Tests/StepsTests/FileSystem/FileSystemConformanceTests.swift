import Basics
import Rigs
import Testing

@Suite struct FileSystemConformanceTests {
    @Test(arguments: SystemCheck.all(of: FileSystemSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(FileSystemSample.self)
    }
}

final class FileSystemSample: FolderSample {
    static let type = "filesystem"
    // Before the folder in which it is mounted: released first.
    private let mount: LoopMount
    let folder: ScratchFolder
    var settings: [String: JSONValue] { settings(["path": .string(data)]) }
    var isFrozen: Bool { get async throws { try await mount.isFrozen } }

    init() async throws {
        folder = try ScratchFolder("conformance")
        mount = try await LoopMount("ext4", at: folder.file("data"))
        try writeContent()
    }
}
