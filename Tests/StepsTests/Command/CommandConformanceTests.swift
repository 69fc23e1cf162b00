import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@Suite struct CommandConformanceTests {
    @Test(arguments: SystemCheck.all(of: CommandSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(CommandSample.self)
    }
}

final class CommandSample: SystemSample {
    static let type = "command"
    let folder: ScratchFolder
    private var frozen: String { folder.file("frozen") }
    private var target: String { folder.file("target") }
    let content: [String: String?] = ["stdout": "first"]
    var received: [UInt8]? { FileManager.default.contents(atPath: target).map(Array.init) }
    var isFrozen: Bool { FileManager.default.fileExists(atPath: frozen) }
    var settings: [String: JSONValue] {
        func shell(_ script: String) -> JSONValue { ["/bin/sh", "-c", .string(script)] }
        return [
            "source": ["/bin/cat", .string(data + "/a")],
            "destination": shell("test \"$SNAPPY_FLOW_OVERWRITE\" = 1 || test ! -e '\(target)' || exit 9; cat > '\(target)'"),
            "quiesce": shell("echo cold > '\(frozen)'; echo label"), "thaw": shell("rm -f '\(frozen)'"), "check": ["/bin/true"],
        ]
    }

    let checks: (good: [String: JSONValue], bad: [String: JSONValue]) = ([:], ["argv": ["/bin/false"]])

    init() async throws {
        folder = try ScratchFolder("conformance")
        try write("first", to: "a")
    }
}
