import Basics
import Rigs
import Testing

@Suite struct CephFSConformanceTests {
    @Test(arguments: SystemCheck.all(of: CephFSSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(CephFSSample.self)
    }
}

final class CephFSSample: FolderSample {
    static let type = "cephfs"
    let folder: ScratchFolder
    let data: String
    var settings: [String: JSONValue] { settings(["path": .string(data)]) }

    init() async throws {
        folder = try ScratchFolder("conformance")
        data = try await CephFSRig.running().folder()
        try writeContent()
    }
}
