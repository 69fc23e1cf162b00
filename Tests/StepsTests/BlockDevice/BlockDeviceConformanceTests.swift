import Basics
import Rigs
import Testing

@Suite struct BlockDeviceConformanceTests {
    @Test(arguments: SystemCheck.all(of: BlockDeviceSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(BlockDeviceSample.self)
    }
}

final class BlockDeviceSample: SystemSample {
    static let type = "blockdevice"
    let folder: ScratchFolder
    var settings: [String: JSONValue] {
        ["path": .string(data + "/a"), "staging": "1MiB", "snapshotFolder": .string(folder.file("kept"))]
    }

    init() async throws {
        folder = try ScratchFolder("conformance")
        try write("first", to: "a")
    }

    func fill(_ files: [String: String]) async throws {
        for (path, text) in files { try write(text, to: "content/" + path) }
        try await HostProgram.run(["bash", "-euc", "rm a; truncate -s 4M a; mkfs.ext4 -q -O ^has_journal -d content a"], in: data)
    }
}
