import Basics
import Rigs
import Testing

@Suite struct DirectoryConformanceTests {
    @Test(arguments: SystemCheck.all(of: DirectorySample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(DirectorySample.self)
    }
}

final class DirectorySample: FolderSample {
    static let type = "directory"
    let folder: ScratchFolder
    var settings: [String: JSONValue] { settings(["path": .string(data), "staging": "64MiB", "method": "copy"]) }
    var targetSettings: [String: JSONValue] { settings.merging(["path": .string(folder.file("target"))]) { $1 } }

    init() async throws {
        folder = try ScratchFolder("conformance")
        try writeContent()
    }
}
