import Basics
import FlowModel
import Foundation
import StepKit
import Testing

@testable import PluginHost

/// What a manifest can say of a system, and what becomes of it.
@Suite struct PluginManifestTests {
    private func type(_ more: [String: JSONValue]) throws -> any SystemType {
        let json = try JSONValue(parsing: Array(ScratchPlugin.manifest(more).utf8))
        return try #require(try PluginManifest(json, at: "/plugins/scratch").systems.first).type(at: "/plugins/scratch")
    }

    private static let settings: JSONValue = [
        ["name": "place", "type": "path", "summary": "where", "required": true, "matches": "/srv/.*"],
        ["name": "staging", "type": "byteCount", "summary": "how much"], ["name": "freeze", "type": "argv", "summary": "freezes"],
        ["name": "thaw", "type": "argv", "summary": "thaws"], ["name": "programs", "type": "path", "summary": "where they are"],
        ["name": "live", "type": "boolean", "summary": "without"], ["name": "key", "type": "secret", "summary": "a secret"],
    ]

    private func settings(_ values: [String: JSONValue]) -> Settings { Settings(values, origin: "system x") }

    @Test func aSystemMayHaveSeveralViews() throws {
        let both = try type(["capabilities": ["imageSource", "treeSource"]])
        #expect(both.views == [.tree, .image] && both.attachedViews == [])
        let turned = try type(["capabilities": ["imageSource", "treeSource"], "views": ["image", "tree"]])
        #expect(turned.views == [.image, .tree])
        let attached = try type([
            "capabilities": ["imageSource", "attaching"], "views": ["image", "tree"], "attachedViews": ["tree"],
        ])
        #expect(attached.views == [.image, .tree] && attached.attachedViews == [.tree])
    }

    @Test func partsAreNamedByTheManifestOrBySettings() throws {
        let type = try type([
            "capabilities": ["partSource"], "parts": ["definition": "tree", "{disks}": "image"],
            "settings": [
                ["name": "place", "type": "path", "summary": "where"],
                ["name": "disks", "type": "map", "of": ["type": "path"], "summary": "disks"],
            ],
        ])
        #expect(type.views == [.parts])
        #expect(type.parts(settings(["disks": ["vda": "/a", "vdb": "/b"]])) == ["definition": .tree, "vda": .image, "vdb": .image])
    }

    @Test func whatDependsOnSettingsIsAskedOfThem() throws {
        let type = try type([
            "settings": Self.settings, "capabilities": ["quiescing", "snapshotting", "treeSource"],
            "requires": ["freeze": ["thaw"]], "conflicts": ["live": ["staging", "freeze"]], "snapshotCost": ["bounded": "staging"],
            "groupPlace": "{place}", "scope": ["snapshot": "global"],
            "room": ["what": "staging", "folder": "{place}/.snapshots", "wanted": "staging", "least": "1MiB"],
            "needs": [["program": "thawer", "in": "programs"]],
        ])
        #expect(try type.snapshotCost(settings([:])) == .instant)
        #expect(try type.snapshotCost(settings(["staging": "64MiB"])) == .bounded(.mebibytes(64)))
        #expect(type.groupPlace(settings(["place": "/srv/a"])) == "/srv/a" && type.groupPlace(settings([:])) == nil)
        #expect(type.scope(of: .snapshot) == .global && type.scope(of: .freeze) == .host && type.scope(of: .attachment) == .host)
        #expect(try type.roomNeed(settings(["place": "/srv/a"])) == nil)
        #expect(
            try type.roomNeed(settings(["place": "/srv/a", "staging": "64MiB"]))
                == RoomNeed("staging", in: "/srv/a/.snapshots", least: .mebibytes(1), wanted: .mebibytes(64)))
        #expect(try type.needs(with: settings(["programs": "/opt/x"])).map(\.name) == ["/opt/x/thawer"] && type.needs.map(\.name) == ["thawer"])
        #expect(type.problems(in: settings(["place": "/srv/a", "freeze": ["f"], "thaw": ["t"]])).isEmpty)
        #expect(type.problems(in: settings(["place": "${parameters.place}"])).isEmpty)
        let problems = type.problems(in: settings(["place": "/home", "freeze": ["f"], "live": true]))
        #expect(problems.map(\.setting) == ["place", "freeze", "live"], "\(problems)")
    }

    @Test(arguments: [
        (#"{"capabilities": ["treeSource", "attaching"]}"#, "attachedViews"), (#"{"attachedViews": ["tree"]}"#, "attachedViews"),
        (#"{"capabilities": ["treeSource", "attaching"], "attachedViews": ["parts"]}"#, "attachedViews"),
        (#"{"capabilities": ["treeSource"], "views": ["image"]}"#, "views"),
        (#"{"capabilities": ["treeSource", "verifying"]}"#, "checks"), (#"{"checks": []}"#, "checks"),
        (#"{"capabilities": ["treeSource", "completing"]}"#, "quiescing"),
        (#"{"capabilities": ["verifying"], "checks": [{"name": "k", "type": "secret", "summary": "s"}]}"#, "secret"),
        (#"{"capabilities": ["verifying"], "checks": [{"name": "k", "type": "list", "of": {"type": "secret"}, "summary": "s"}]}"#, "secret"),
        (#"{"parts": {"vda": "image"}}"#, "partSource"), (#"{"capabilities": ["partSource"], "parts": {"vda": "parts"}}"#, "parts"),
        (#"{"capabilities": ["partSource"], "parts": {"{place}": "image"}}"#, "map"), (#"{"scope": "moon"}"#, "scope"),
        (#"{"scope": {"attachment": "global"}}"#, "scope"), (#"{"snapshotCost": {"bounded": "place"}}"#, "snapshotCost"),
        (#"{"snapshotCost": "free"}"#, "snapshotCost"), (#"{"groupPlace": "{key}"}"#, "secret"),
        (#"{"capabilities": ["treeSource"], "groupPlace": "x"}"#, "groupPlace"), (#"{"requires": {"place": ["nothing"]}}"#, "requires"),
        (#"{"conflicts": "place"}"#, "conflicts"), (#"{"room": {"what": "w", "folder": "/x"}}"#, "wanted"),
        (#"{"settings": [{"name": "place", "type": "string", "summary": "s", "matches": "["}]}"#, "matches"),
        (#"{"settings": [{"name": "place", "type": "boolean", "summary": "s", "matches": "x"}]}"#, "matches"),
        (#"{"needs": [{"program": "x", "in": "key"}]}"#, "`in`"),
    ]) func whatContradictsItselfIsRefused(_ more: String, _ said: String) throws {
        let more = try #require(try JSONValue(parsing: Array(more.utf8)).objectValue)
        let error = #expect(throws: StepError.self) { _ = try type(more) }
        #expect(error?.kind == .pluginInvalid && error?.expected.contains(said) == true, "\(String(describing: error))")
    }

    /// Instances have the protocols of what their type can do, and no other: a step that asks for one is not led to a call that nobody answers.
    @Test(arguments: Capability.allCases) func anInstanceCanDoWhatItsTypeSaysAndNothingElse(_ capability: Capability) {
        let with: Set<Capability> = capability == .completing ? [.completing, .quiescing] : [capability]
        #expect(Self.protocols(of: PluginKind.type(for: with, inGroups: false)) == with)
        let all = Set(Capability.allCases)
        let without = capability == .quiescing ? all.subtracting([.quiescing, .completing]) : all.subtracting([capability])
        #expect(Self.protocols(of: PluginKind.type(for: without, inGroups: true)) == without)
        #expect(PluginKind.type(for: [.snapshotting], inGroups: true) is any GroupSnapshotting.Type)
        #expect(!(PluginKind.type(for: all, inGroups: false) is any GroupSnapshotting.Type))
        #expect(PluginKind.type(for: [.treeDestination], inGroups: false) is any TellingDestination.Type)
    }

    private static func protocols(of type: any PluginSystem.Type) -> Set<Capability> {
        Set(
            Capability.allCases.filter { capability in
                switch capability {
                case .quiescing: type is any Quiescing.Type
                case .snapshotting: type is any Snapshotting.Type
                case .treeSource: type is any TreeSource.Type
                case .treeDestination: type is any TreeDestination.Type
                case .imageSource: type is any ImageSource.Type
                case .imageDestination: type is any ImageDestination.Type
                case .verifying: type is any Verifying.Type
                case .discovering: type is any Discovering.Type
                case .attaching: type is any Attaching.Type
                case .completing: type is any TreeCompleting.Type
                case .partSource: type is any PartSource.Type
                case .inventorying: type is any Inventorying.Type
                }
            })
    }
}
