import Basics
import FlowModel
import Foundation
import Rigs
import StepKit
import Steps
import StorageKit
import Testing

@testable import PluginHost

/// What a type says of itself a wrapper says too: every requirement of the protocols, also one that is added and has a default.
@Suite struct WrapperTests {
    private static let host = HostCommand(["/bin/false"])
    private static let settings = Settings(["place": "/there"], origin: "system x")

    @Test func aHostedSystemSaysWhatItsTypeSays() throws {
        let odd = SystemFacts(OddType(), Self.settings)
        #expect(odd.values.keys.sorted() == (try requirements(["SystemType", "MachineUsing"])), "a requirement that is not compared")
        // Else a wrapper could forget it unseen.
        let plain = SystemFacts(PlainType(), Self.settings)
        for (name, value) in odd.values { #expect(plain.values[name] != value, "\(name)") }
        let wrappers: [any SystemType] = [
            OddType().hosted(in: Self.host, timeout: { _ in .seconds(9) }), OddType().isolated(in: Self.host),
        ]
        for wrapper in wrappers { #expect(SystemFacts(wrapper, Self.settings).values == odd.values) }
        #expect(wrappers[1] is any Hosting && OddType().isolated(in: nil) is OddType)
        #expect(PlainType().isolated(in: Self.host) is PlainType)
    }

    @Test func aHostedRepositorySaysWhatItsTypeSays() throws {
        let odd = RepositoryFacts(OddRepositoryType(), Self.settings)
        #expect(odd.values.keys.sorted() == (try requirements(["RepositoryType", "MachineUsing"])), "a requirement that is not compared")
        let plain = RepositoryFacts(PlainRepositoryType(), Self.settings)
        for (name, value) in odd.values { #expect(plain.values[name] != value, "\(name)") }
        let wrapped = OddRepositoryType().isolated(in: Self.host)
        #expect(wrapped is HostedRepositoryType<OddRepositoryType>)
        #expect(RepositoryFacts(wrapped, Self.settings).values == odd.values)
    }

    /// A hosted instance can be asked for what its own can, and for nothing else.
    @Test func aHostedInstanceCanDoWhatItsOwnCan() async throws {
        for type in Catalog.standard.systems {
            let hosted = type.hosted(in: Self.host, timeout: { _ in .seconds(9) })
            #expect(Abilities(of: hosted) == Abilities(of: type), "\(type.name)")
        }
    }

    /// Whatever a system, a tree or an image may be asked is a call of the protocol, or said when something is opened, or by the type: and the guide has the
    /// word. What is added to a contract has to be added here, and in between.
    @Test func everyRequirementOfEveryContractTravels() throws {
        let guide = try String(contentsOfFile: FlowRig.packageRoot + "/docs/plug-ins.md", encoding: .utf8)
        let folders = ["StepKit/Capabilities": "", "StorageKit": "Tree|Image|File"]
        var found: Set<String> = []
        for (folder, names) in folders {
            let root = FlowRig.packageRoot + "/Sources/" + folder
            for file in try FileManager.default.contentsOfDirectory(atPath: root) where file.hasSuffix(".swift") {
                let text = try String(contentsOfFile: root + "/" + file, encoding: .utf8)
                for match in text.matches(of: /(?s)public protocol (\w+)[^{]*\{(.*?)\n\}/) {
                    guard names.isEmpty || String(match.1).firstMatch(of: /^(Tree|Image|File)/) != nil else { continue }
                    for member in match.2.matches(of: /(?m)^ {4}(?:static )?(?:var|func) (\w+)/) { found.insert("\(match.1).\(member.1)") }
                }
            }
        }
        #expect(found == Set(Self.words.keys), "\(found.symmetricDifference(Self.words.keys).sorted())")
        for (requirement, word) in Self.words { #expect(guide.contains("`\(word)`"), "\(requirement): `\(word)` in the guide") }
    }

    private static let words = [
        "Quiescing.quiesceKind": "quiesceKind", "Quiescing.quiesce": "quiesce", "Quiescing.thaw": "thaw",
        "TreeCompleting.completing": "complete.open", "TreeCompleting.completed": "completed",
        "Snapshotting.keepsBase": "keepsBase", "Snapshotting.snapshot": "snapshot", "Snapshotting.find": "find",
        "Snapshotting.release": "release", "Snapshotting.retires": "retires", "Snapshotting.retire": "retire",
        "GroupSnapshotting.groupPlace": "groupPlace", "GroupSnapshotting.snapshot": "snapshot.group",
        "GroupSnapshotting.areOfOneInstant": "group",
        "Attaching.attach": "attach", "Attaching.detach": "detach", "Attaching.attached": "attachment",
        "PartSource.withParts": "parts.open", "PartSource.logicalPath": "identity", "TreeSource.withTree": "tree.open", "ImageSource.withImage": "image.open", "ImageSource.logicalPath": "identity",
        "TreeDestination.withTreeWriter": "restore.open", "TreeDestination.isEmpty": "empty",
        "TellingDestination.withTellingWriter": "restore.close", "ImageDestination.withImageWriter": "target.open",
        "Verifying.check": "check", "Discovering.discover": "discover", "Inventorying.inventory": "inventory",
        "TreeReader.logicalPath": "logicalPath", "TreeReader.metadata": "tree.metadata", "TreeReader.list": "tree.list",
        "TreeReader.open": "tree.read", "TreeReader.readsAtOnce": "readsAtOnce", "TreeReader.isAway": "unavailable",
        "TreeReader.confirm": "tree.confirm", "TreeStream.next": "tree.entry",
        "FileReader.metadata": "metadata", "FileReader.read": "tree.next", "FileReader.skipHole": "hole", "FileReader.close": "tree.end",
        "TreeWriter.makeDirectory": "restore.directory", "TreeWriter.createFile": "restore.file",
        "TreeWriter.createSpecial": "restore.special", "TreeWriter.link": "restore.link", "TreeWriter.setMetadata": "restore.metadata",
        "TreeWriter.existing": "restore.existing", "TreeWriter.finish": "restore.finish",
        "FileWriter.write": "restore.write", "FileWriter.finish": "restore.finishFile", "FileWriter.abandon": "restore.abandonFile",
        "ImageReader.size": "size", "ImageReader.granularity": "granularity", "ImageReader.allocatedExtents": "image.allocated",
        "ImageReader.changedExtents": "image.changed", "ImageReader.changes": "filled", "ImageReader.read": "image.read",
        // A process of ours reads into memory that the worker lends it; others send data.
        "ImageReader.lend": "image.read", "ImageReader.attributes": "attributes", "ImageReader.confirm": "image.confirm",
        "ImageWriter.replaces": "replaces: true", "ImageWriter.write": "target.write", "ImageWriter.zero": "target.zero",
        "ImageWriter.finish": "target.finish", "ImageWriter.abandon": "target.abandon",
    ]

    /// What a manifest can say is all that a type can.
    @Test func aPluginOutsideSaysWhatItsManifestSays() throws {
        let folder = try ScratchFolder("wrapper")
        let path = folder.file("plugins")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let manifest = """
            {"protocol": 1, "systems": [{"name": "odd", "contractVersion": 7, "summary": "odd in all", "identity": "{place}",
             "settings": [{"name": "place", "type": "path", "summary": "where", "required": true, "matches": "/here"}],
             "capabilities": ["treeSource", "snapshotting", "attaching", "verifying", "partSource"],
             "views": ["image", "tree", "parts"], "attachedViews": ["image"], "parts": {"vda": "image"},
             "checks": [{"name": "depth", "type": "integer", "summary": "how deep"}],
             "scope": {"freeze": "global", "snapshot": "global"}, "maxHold": "77s", "timeout": "9s", "snapshotCost": "slow",
             "groupPlace": "{place}", "neededFor": {"treeSource": ["place"]},
             "room": {"what": "odd", "folder": "{place}", "wanted": "2MiB"},
             "needs": [{"program": "odd", "package": "odd-utils", "in": "place"}, {"library": "libodd.so.1", "package": "libodd1"},
                       {"fileSystem": ["oddfs"], "for": ["treeSource"]}, {"administration": true}]}]}
            """
        try "#!/bin/sh\ncat <<'END'\n\(manifest)\nEND\n".write(toFile: path + "/odd", atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path + "/odd")
        let contents = PluginFolder(path).read()
        let type = try #require(contents.types.first, "\(contents.problems)")
        let (said, plain) = (SystemFacts(type, Self.settings).values, SystemFacts(PlainType(), Self.settings).values)
        for name in plain.keys { #expect(plain[name] != said[name], "\(name)") }
        #expect(type.needs.map(\.name) == ["odd", "libodd.so.1", "oddfs", "CAP_SYS_ADMIN"])
        #expect(type.needs.map(\.package) == ["odd-utils", "libodd1", nil, nil])
        #expect(type.needs[2].isNeeded(for: [.treeSource]) && !type.needs[2].isNeeded(for: [.quiescing]))
    }

    @Test(arguments: [
        #""needs": {"program": "x"}"#, #""needs": [{"package": "x"}]"#, #""needs": [{"program": "x", "for": ["reading"]}]"#,
        #""neededFor": {"quiescing": ["place"]}"#, #""neededFor": {"treeSource": ["nothing"]}"#,
    ]) func aManifestThatNeedsNonsenseIsRefused(_ wrong: String) throws {
        let json = try JSONValue(
            parsing: Array(
                """
                {"protocol": 1, "systems": [{"name": "odd", "summary": "s", "identity": "x", "capabilities": ["treeSource"],
                 "settings": [{"name": "place", "type": "path", "summary": "where"}], \(wrong)}]}
                """.utf8))
        let error = #expect(throws: StepError.self) { try PluginManifest(json, at: "/plugins/odd") }
        #expect(error?.kind == .pluginInvalid && error?.location == "/plugins/odd", "\(String(describing: error))")
    }

    /// The requirements of protocols as the source has them, but for what makes an instance or begins one: `identity(_:)`.
    private func requirements(_ protocols: [String]) throws -> [String] {
        var names: [String] = []
        for name in protocols {
            let folder = name == "MachineUsing" ? "Machine/" : ""
            let text = try String(contentsOfFile: "\(FlowRig.packageRoot)/Sources/StepKit/\(folder)\(name).swift", encoding: .utf8)
            let body = try #require(text.split(separator: "public protocol \(name)").last?.split(separator: "\n}").first)
            for line in body.split(separator: "\n") {
                let words = line.split(separator: " ", maxSplits: 1)
                guard line.hasPrefix("    "), let rest = words.last else { continue }
                if words[0] == "var" { names.append(String(rest.prefix { $0 != ":" })) }
                guard words[0] == "func", let open = rest.firstIndex(of: "("), let close = rest.firstIndex(of: ")") else { continue }
                let labels = rest[rest.index(after: open)..<close].split(separator: ", ").map { $0.split(separator: " ")[0] + ":" }
                names.append("\(rest[..<open])(\(labels.joined()))")
            }
        }
        return names.filter { !["open(_:_:)", "prepare(_:)"].contains($0) }.sorted()
    }
}

/// What a type says, by the requirements' names.
private struct SystemFacts {
    var values: [String: String] = [:]

    init(_ type: any SystemType, _ settings: Settings) {
        func cost() throws -> SnapshotCost { try type.snapshotCost(settings) }
        values = MachineFacts(type, settings).values
        values["name"] = type.name
        values["contractVersion"] = "\(type.contractVersion)"
        values["summary"] = type.summary
        values["schema"] = "\(type.schema.fields.map(\.name))"
        values["scope"] = "\(type.scope)"
        values["scope(of:)"] = "\(AcquisitionKind.allCases.map { type.scope(of: $0) })"
        values["views"] = "\(type.views)"
        values["attachedViews"] = "\(type.attachedViews)"
        values["parts(_:)"] = "\(type.parts(settings).sorted { $0.key < $1.key })"
        values["checkSchema"] = "\(type.checkSchema?.fields.map(\.name) ?? [])"
        values["groupPlace(_:)"] = "\(String(describing: type.groupPlace(settings)))"
        values["defaultMaxHold"] = "\(type.defaultMaxHold)"
        values["capabilities"] = "\(type.capabilities.sorted())"
        values["identity(_:)"] = "\(String(describing: try? type.identity(settings)))"
        values["settings(neededFor:)"] = "\(type.settings(neededFor: .treeSource))"
        values["problems(in:)"] = "\(type.problems(in: settings).map(\.setting))"
        values["snapshotCost(_:)"] = "\(String(describing: try? cost()))"
    }
}

private struct RepositoryFacts {
    var values: [String: String] = [:]

    init(_ type: any RepositoryType, _ settings: Settings) {
        values = MachineFacts(type, settings).values
        values["name"] = type.name
        values["contractVersion"] = "\(type.contractVersion)"
        values["summary"] = type.summary
        values["schema"] = "\(type.schema.fields.map(\.name))"
        values["identity(_:)"] = "\(String(describing: try? type.identity(settings)))"
        values["isOnThisMachine"] = "\(type.isOnThisMachine)"
        values["warning(_:)"] = "\(String(describing: try? type.warning(settings)))"
    }
}

private struct MachineFacts {
    var values: [String: String] = [:]

    init(_ type: any MachineUsing, _ settings: Settings) {
        var isolation = "worker"
        if case .child(let reason, let timeout) = type.isolation { isolation = "\(reason) \(String(describing: try? timeout(settings)))" }
        values["isolation"] = isolation
        values["needs"] = "\(type.needs.map(\.name))"
        values["needs(with:)"] = "\(String(describing: try? type.needs(with: settings).map(\.name)))"
        values["roomNeed(_:)"] = "\(String(describing: try? type.roomNeed(settings)))"
    }
}

/// The protocols that instances of a type have.
private struct Abilities: Equatable {
    var names: Set<String> = []

    init(of type: any SystemType) { self.init(type) }

    private init<Kind: SystemType>(_: Kind) {
        let instance = Kind.Instance.self
        if instance is any Quiescing.Type { names.insert("Quiescing") }
        if instance is any TreeCompleting.Type { names.insert("TreeCompleting") }
        if instance is any Snapshotting.Type { names.insert("Snapshotting") }
        if instance is any GroupSnapshotting.Type { names.insert("GroupSnapshotting") }
        if instance is any TreeSource.Type { names.insert("TreeSource") }
        if instance is any TreeDestination.Type { names.insert("TreeDestination") }
        if instance is any ImageSource.Type { names.insert("ImageSource") }
        if instance is any ImageDestination.Type { names.insert("ImageDestination") }
        if instance is any Attaching.Type { names.insert("Attaching") }
        if instance is any Verifying.Type { names.insert("Verifying") }
        if instance is any Discovering.Type { names.insert("Discovering") }
        if instance is any PartSource.Type { names.insert("PartSource") }
    }
}

// MARK: types that say what is the default nowhere, and types that say nothing

private let oddSchema = SettingsSchema([Setting<String>.required("place", "where", type: .path).field])
private let oddIsolation = Isolation.child(because: .nativeLibrary) { _ in .seconds(9) }
private let oddNeeds = [MachineNeed.program("odd", package: "odd-utils")]
private let oddRoom = RoomNeed("odd", in: "/there", least: .mebibytes(1), wanted: .mebibytes(2))

private struct OddSystem: TreeSource, Quiescing {
    var quiesceKind: QuiesceKind { .session }
    func quiesce(key: String, maxHold: TimeSpan, _ context: StepContext) async throws -> [String: JSONValue] { [:] }
    func thaw(key: String, state: [String: JSONValue], _ context: StepContext) async throws -> [String: JSONValue] { [:] }
    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result { throw StepError(.unsupported, expected: "a tree", found: "none", at: "odd") }
}

private struct OddType: SystemType {
    let name = "odd"
    let contractVersion = 7
    let summary = "odd in all"
    let schema = oddSchema
    let scope = AcquisitionScope.global
    let defaultMaxHold = TimeSpan.seconds(77)
    let capabilities: Set<Capability> = [.treeSource]
    let views = [SystemView.image, .tree]
    let attachedViews: Set<SystemView> = [.image]
    let checkSchema: SettingsSchema? = oddSchema
    func parts(_ settings: Settings) -> [String: SystemView] { ["vda": .image] }
    let isolation = oddIsolation
    let needs = oddNeeds
    func scope(of kind: AcquisitionKind) -> AcquisitionScope { kind == .freeze ? .global : .host }
    func groupPlace(_ settings: Settings) -> String? { "there" }
    func identity(_ settings: Settings) throws(StepError) -> String { "odd:/there" }
    func settings(neededFor capability: Capability) -> [String] { ["place"] }
    func problems(in settings: Settings) -> [SettingProblem] {
        [SettingProblem("place") { throw StepError(.invalidSetting, expected: "a", found: "b", at: "c") }].compactMap { $0 }
    }
    func snapshotCost(_ settings: Settings) throws(StepError) -> SnapshotCost { .slow }
    func needs(with settings: Settings) throws(StepError) -> [MachineNeed] { [.administration] }
    func roomNeed(_ settings: Settings) throws(StepError) -> RoomNeed? { oddRoom }
    func open(_ settings: Settings, _ context: SystemContext) async throws -> OddSystem { OddSystem() }
}

private struct PlainType: SystemType {
    let name = "plain"
    let summary = "plain"
    let schema = SettingsSchema([])
    func identity(_ settings: Settings) throws(StepError) -> String { "plain:" }
    func open(_ settings: Settings, _ context: SystemContext) async throws -> OddSystem { OddSystem() }
}

private struct OddRepositoryType: RepositoryType {
    let name = "odd"
    let contractVersion = 7
    let summary = "odd in all"
    let schema = oddSchema
    let isOnThisMachine = true
    let isolation = oddIsolation
    let needs = oddNeeds
    func identity(_ settings: Settings) throws(StepError) -> String { "odd:/there" }
    func warning(_ settings: Settings) throws(StepError) -> String? { "odd" }
    func needs(with settings: Settings) throws(StepError) -> [MachineNeed] { [.administration] }
    func roomNeed(_ settings: Settings) throws(StepError) -> RoomNeed? { oddRoom }
    func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore {
        throw StepError(.unsupported, expected: "a store", found: "none", at: "odd")
    }
}

private struct PlainRepositoryType: RepositoryType {
    let name = "plain"
    let summary = "plain"
    let schema = SettingsSchema([])
    func identity(_ settings: Settings) throws(StepError) -> String { "plain:" }
    func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore {
        throw StepError(.unsupported, expected: "a store", found: "none", at: "plain")
    }
}
