import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@Suite struct GuestConformanceTests {
    @Test(arguments: SystemCheck.all(of: GuestSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(GuestSample.self)
    }
}

final class GuestSample: SystemSample {
    static let type = "guest"
    // Before the folder in which it is mounted: released first.
    private let mount: LoopMount
    let folder: ScratchFolder
    var settings: [String: JSONValue] {
        ["disks": ["vda": .string(data + "/a.img"), "vdb": .string(data + "/b.img")], "definition": [.string(data + "/guest.xml")]]
    }
    var targetSettings: [String: JSONValue] { ["disks": ["vda": .string(folder.file("target.img"))]] }
    let partFiles = ["a.img", "b.img", "guest.xml"]
    let restoredFile = TreePath("vda")
    var received: [UInt8]? { FileManager.default.contents(atPath: folder.file("target.img")).map(Array.init) }

    init() async throws {
        folder = try ScratchFolder("conformance")
        mount = try await LoopMount("xfs", at: folder.file("data"))
        try write("<domain/>", to: "guest.xml")
        for name in ["a", "b"] { try write(String(repeating: "disk \(name)\n", count: 100_000), to: "\(name).img") }
    }
}
