import FlowModel
import Basics
import Foundation
import PluginHost
import Rigs
import StepKit
import Testing

/// A plug-in that says `retires` hears of a snapshot that nobody reads any more; one that does not is not troubled.
@Suite struct RetireTests {
    @Test(arguments: [true, false]) func aBaseThatNobodyReadsIsSaid(_ retires: Bool) async throws {
        let folder = try ScratchFolder("retire")
        let calls = folder.file("calls")
        let script = """
            #!/bin/bash
            if [ "$1" = manifest ]; then
                echo '{"protocol": 1, "systems": [{"name": "scratch", "summary": "a test", "identity": "{place}", "keepsBase": true,
                    "retires": \(retires), "capabilities": ["snapshotting", "imageSource"],
                    "settings": [{"name": "place", "type": "string", "summary": "where", "required": true}]}]}'
                exit 0
            fi
            while IFS= read -r line; do
                id=${line##*'"id":'}; id=${id%%[,\\}]*}
                call=${line##*'"call":"'}; call=${call%%'"'*}
                echo "$call" >>\(calls)
                result='{"state": {}}'
                [ "$call" = find ] && result=null
                printf '{"id":%s,"result":%s}\\n' "$id" "$result"
            done
            """
        let path = folder.file("plugins")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try script.write(toFile: path + "/scratch", atomically: true, encoding: .utf8)
        chmod(path + "/scratch", 0o755)
        let contents = PluginFolder(path).read()
        #expect(contents.problems.isEmpty, "\(contents.problems)")
        let stage = try StepStage(extra: contents.types)
        try stage.declare(system: "disk", "scratch", ["place": "here"])
        try await stage.run("snapshot", id: "snapshot-1", .systems(["disk"]))
        try await stage.retire("snapshot", id: "snapshot-1", .systems(["disk"]))
        let heard = try String(contentsOfFile: calls, encoding: .utf8).split(separator: "\n")
        #expect(heard.filter { $0 == "retire" }.count == (retires ? 1 : 0), "\(heard)")
        #expect(!heard.contains("release") && heard.contains("snapshot"))
    }
}
