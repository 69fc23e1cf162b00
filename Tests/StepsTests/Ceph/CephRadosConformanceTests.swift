import Basics
import Rigs
import StorageKit
import Testing

@Suite struct CephRadosConformanceTests {
    @Test(arguments: SystemCheck.all(of: CephRadosSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(CephRadosSample.self)
    }
}

final class CephRadosSample: SystemSample {
    static let type = "ceph-rados"
    let folder: ScratchFolder
    private let pool: ScratchPool
    var settings: [String: JSONValue] { pool.settings }
    let content: [String: String?] = [ScratchPool.path("a").description: "first"]
    var restoredFile: TreePath { ScratchPool.path("inner/restored") }
    var received: [UInt8]? { try? pool.get("inner/restored") }

    init() async throws {
        folder = try ScratchFolder("conformance")
        pool = try await ScratchPool()
        try write("first", to: "a")
    }

    func write(_ text: String, to name: String) throws { try pool.put(name, Array(text.utf8)) }
}
