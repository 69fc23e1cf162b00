import Basics
import Rigs
import Testing

@Suite struct ImageSetConformanceTests {
    @Test(arguments: SystemCheck.all(of: ImageSetSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(ImageSetSample.self)
    }
}

/// The example of a plug-in outside the binary that is of several parts.
final class ImageSetSample: SystemSample {
    static let type = "image-set"
    let folder: ScratchFolder
    var settings: [String: JSONValue] { ["folder": .string(data), "images": ["vda": "a.img", "vdb": "b.img"]] }
    let partFiles = ["a.img", "b.img", "definition/guest.xml"]

    init() async throws {
        folder = try ScratchFolder("conformance")
        try write("<domain/>", to: "definition/guest.xml")
        for name in ["a", "b"] { try write(String(repeating: "disk \(name)\n", count: 100_000), to: "\(name).img") }
    }
}
