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

    func fill(_ files: [String: String]) async throws {
        for (path, text) in files { try write(text, to: "content/" + path) }
        try await HostProgram.run(["bash", "-euc", "rm a; truncate -s 4M a; mkfs.ext4 -q -O ^has_journal -d content a"], in: data)
    }

    // Whether its journal is replayed does not matter to an image that is none.
    let checks: (good: [String: JSONValue], bad: [String: JSONValue]) = ([:], ["journal": false])

    func restore(into place: String, _ bench: SampleBench) async throws {
        try await HostProgram.run(["bash", "-euc", "truncate -s 4M disk.img; mkfs.ext4 -q disk.img"], in: place)
    }

    func spoil(_ place: String) throws { try Self.write("no image any more", to: place + "/disk.img") }
}
