import Basics
import Foundation
import Rigs
import Testing

@Suite struct ImageFolderConformanceTests {
    @Test(arguments: SystemCheck.all(of: ImageFolderSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(ImageFolderSample.self)
    }
}

/// The example of a plug-in outside the binary that is an image.
final class ImageFolderSample: SystemSample {
    static let type = "image-folder"
    let folder: ScratchFolder
    var settings: [String: JSONValue] { ["folder": .string(data), "image": "a", "copy": true] }
    var isFrozen: Bool { FileManager.default.fileExists(atPath: data + "/a.frozen") }

    init() async throws {
        folder = try ScratchFolder("conformance")
        try write("first", to: "a")
    }
}
