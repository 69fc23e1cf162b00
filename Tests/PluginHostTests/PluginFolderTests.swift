import Basics
import Foundation
import Rigs
import StepKit
import Testing

@testable import PluginHost

/// What a plug-in says of itself, believed where it can be.
@Suite struct PluginFolderTests {
    @Test func aManifestBecomesASystemType() throws {
        let plugin = try ScratchPlugin("", manifest: ScratchPlugin.manifest(["contractVersion": 3, "maxHold": "5s", "scope": "global"]))
        let contents = PluginFolder(plugin.folder.path).read()
        let type = try #require(contents.types.first)
        #expect(contents.problems.isEmpty && contents.types.count == 1)
        #expect(type.name == "scratch" && type.contractVersion == 3 && type.scope == .global && type.defaultMaxHold == .seconds(5))
        #expect(type.capabilities == [.quiescing, .snapshotting, .imageSource, .imageDestination])
        #expect(type.schema["place"]?.isRequired == true && type.schema["key"]?.type == .secret)
        #expect(try type.identity(Settings(["place": "here/there"], origin: "x")) == "scratch:here/there")
    }

    @Test func whatIsWrongIsSaidAndCostsNobodyElse() throws {
        let good = try ScratchPlugin("")
        func add(_ name: String, _ text: String) throws {
            let path = good.folder.file(name)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            chmod(path, 0o755)
        }
        func manifest(_ more: [String: JSONValue]) -> String { "#!/bin/sh\ncat <<'M'\n\(ScratchPlugin.manifest(more))\nM\n" }
        let wrong: [(name: String, text: String, said: String)] = [
            ("a-capability", manifest(["name": "a", "capabilities": ["flying"]]), "flying"),
            ("a-name", manifest(["name": "No Name"]), "No Name"),
            ("an-identity", manifest(["name": "b", "identity": "{key}"]), "{key}"),
            ("a-type", manifest(["name": "c", "settings": [["name": "x", "type": "colour", "summary": "s"]]]), "colour"),
            ("a-time", manifest(["name": "d", "timeout": "soon"]), "soon"),
            ("garbage", "#!/bin/sh\necho hello\n", "hello"),
            ("loud", "#!/bin/sh\nhead -c 3000000 /dev/zero\n", "a longer one"),
            ("nothing", "#!/bin/sh\necho broken >&2\nexit 3\n", "broken"),
            ("no-interpreter", "#!/nonexistent/python\n", "No such file"),
            ("protocol", "#!/bin/sh\necho '{\"protocol\": 99, \"systems\": []}'\n", "99"),
            ("x-twin", manifest([:]), "scratch"),
        ]
        for (name, text, _) in wrong { try add(name, text) }
        try "notes".write(toFile: good.folder.file("README"), atomically: true, encoding: .utf8)
        let contents = PluginFolder(good.folder.path).read()
        #expect(contents.types.map(\.name) == ["scratch"])
        for (name, _, said) in wrong {
            let problem = contents.problems.first { $0.location == good.folder.file(name) }
            #expect(problem?.description.contains(said) == true, "\(name): \(String(describing: problem))")
        }
        #expect(contents.problems.count == wrong.count)
        #expect(PluginFolder(good.folder.path).read(taken: ["scratch"]).types.isEmpty)
        #expect(PluginFolder("/nonexistent/plugins").read().problems.isEmpty)
    }

    /// A worker runs plug-ins with its own rights.
    @Test func whatOthersMayWriteIsNotRun() throws {
        let plugin = try ScratchPlugin("")
        chmod(plugin.path, 0o777)
        let contents = PluginFolder(plugin.folder.path).read()
        #expect(contents.types.isEmpty && contents.problems.first?.advice.contains("chmod") == true, "\(contents)")
        chmod(plugin.path, 0o755)
        #expect(PluginFolder(plugin.folder.path).read().types.count == 1)
        // It may read its code from what lies beside it.
        let module = plugin.folder.file("module.py")
        try "pass\n".write(toFile: module, atomically: true, encoding: .utf8)
        chmod(module, 0o666)
        let beside = PluginFolder(plugin.folder.path).read()
        #expect(beside.types.isEmpty && beside.problems.first?.location == module, "\(beside)")
    }

    /// Who can exchange a folder on the way to a program has written the program. Another user than root has his own folders above his own.
    @Test func noFolderOnTheWayIsOthers() throws {
        try requireRoot("a folder that is no user's own")
        let plugin = try ScratchPlugin("")
        let above = try ScratchFolder("above")
        try FileManager.default.createDirectory(atPath: above.file("plugins"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: plugin.path, toPath: above.file("plugins/scratch"))
        #expect(PluginFolder(above.file("plugins")).read().types.count == 1)
        chmod(above.path, 0o777)
        let inside = PluginFolder(above.file("plugins")).read()
        #expect(inside.types.isEmpty && inside.problems.first?.location == above.path, "\(inside)")
        // Nor on the way that a link takes.
        let linked = try ScratchFolder("linked")
        symlink(above.file("plugins/scratch"), linked.file("scratch"))
        let through = PluginFolder(linked.path).read()
        #expect(through.types.isEmpty && through.problems.first?.location == above.path, "\(through)")
    }

    @Test func oneThatHangsIsNotWaitedForLong() throws {
        let plugin = try ScratchPlugin("")
        try "#!/bin/sh\nsleep 1000\n".write(toFile: plugin.folder.file("slow"), atomically: true, encoding: .utf8)
        chmod(plugin.folder.file("slow"), 0o755)
        let contents = PluginFolder(plugin.folder.path).read()
        #expect(contents.types.count == 1 && contents.problems.first?.location.hasSuffix("slow") == true)
    }
}
