import Basics
import Rigs
import Testing

@Suite struct SQLiteFolderConformanceTests {
    @Test(arguments: SystemCheck.all(of: SQLiteFolderSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(SQLiteFolderSample.self)
    }
}

/// The example of a plug-in outside the binary that is a tree.
final class SQLiteFolderSample: FolderSample {
    static let type = "sqlite-folder"
    let folder: ScratchFolder
    var settings: [String: JSONValue] { ["folder": .string(data)] }
    var targetSettings: [String: JSONValue] { ["folder": .string(folder.file("target"))] }
    // A folder without a database.
    var isDiscovered: Bool { false }

    init() async throws {
        folder = try ScratchFolder("conformance")
        try writeContent()
    }
}
