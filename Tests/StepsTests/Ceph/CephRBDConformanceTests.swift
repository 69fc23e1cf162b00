import Basics
import Rigs
import Testing

@Suite struct CephRBDConformanceTests {
    @Test(arguments: SystemCheck.all(of: CephRBDSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(CephRBDSample.self)
    }
}

final class CephRBDSample: SystemSample {
    static let type = "ceph-rbd"
    let folder: ScratchFolder
    private let image: ScratchImage
    var settings: [String: JSONValue] { image.settings }

    init() async throws {
        folder = try ScratchFolder("conformance")
        image = try await ScratchImage(size: 6 << 20)
        try write("first", to: "a")
    }

    func write(_ text: String, to name: String) throws { try image.write(Array(text.utf8), at: 0) }
}
