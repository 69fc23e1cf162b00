import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Synchronization

@testable import PluginHost

/// A plug-in of a test's own, written for the test: a shell script that is given each request's line.
final class ScratchPlugin: Sendable {
    let folder: ScratchFolder
    let path: String
    let log = Mutex<[String]>([])

    /// `serve` is what the script does after it has answered `open`; `$id` is the number of the next request once `request` has read it.
    init(_ serve: String, manifest: String = ScratchPlugin.manifest()) throws {
        folder = try ScratchFolder("plugin")
        path = folder.file("plug-in")
        let script = """
            #!/bin/bash
            if [ "$1" = manifest ]; then cat <<'MANIFEST'
            \(manifest)
            MANIFEST
            exit 0; fi
            request() { IFS= read -r line || exit 0; id=${line##*'"id":'}; id=${id%%[,\\}]*}; }
            answer() { printf '{"id":%s,"result":%s}\\n' "$id" "$1"; }
            request; opened=$line
            answer '{}'
            \(serve)
            """
        try script.write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o755)
    }

    static func manifest(_ more: [String: JSONValue] = [:]) -> String {
        let system: [String: JSONValue] = [
            "name": "scratch", "summary": "a test's own", "identity": "{place}", "timeout": "2s",
            "capabilities": ["quiescing", "snapshotting", "imageSource", "imageDestination"],
            "settings": [
                ["name": "place", "type": "string", "summary": "where", "required": true],
                ["name": "key", "type": "secret", "summary": "a secret"],
            ],
        ]
        return JSONValue.object(["protocol": 1, "systems": [.object(system.merging(more) { $1 })]]).canonicalText
    }

    func session(timeout: TimeSpan = .seconds(2), secrets: [String] = []) -> PluginSession {
        let program = PluginProgram(
            name: "plug-in scratch", command: [path, "serve"], environment: ["PATH": "/usr/bin:/bin"], timeout: timeout, callsAtOnce: 4)
        return PluginSession(program, secrets: secrets) { [weak self] line in
            self?.log.withLock { $0.append("\(line.level): \(line.message)") }
        } opening: {
            ["settings": [:]]
        }
    }

    /// What the script has written into a file of its folder, once it is there.
    func text(_ name: String) async throws -> String {
        var text = ""
        try await eventually("a whole line in \(name)") {
            text = (try? String(contentsOfFile: folder.file(name), encoding: .utf8)) ?? ""
            return text.hasSuffix("\n")
        }
        return text
    }
}
