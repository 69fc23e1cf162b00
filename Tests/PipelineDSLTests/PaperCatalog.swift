import Basics
import FlowModel
import StepKit
import StorageKit

/// Plug-ins that only declare themselves: the compiler never opens one.
extension Catalog {
    static let paper = Catalog(
        systems: [PaperApplicationType(), PaperVolumeType(), PaperStreamType(), PaperDiskType()],
        repositories: [PaperRepositoryType()],
        verbs: VerbDeclaration.paper.map(PaperVerb.init))
}

struct PaperVerb: Verb {
    let declaration: VerbDeclaration
    func run(_ context: StepContext) async throws -> StepResult { StepResult() }
}

/// Can be frozen.
struct PaperApplicationType: SystemType {
    struct Instance: Quiescing {
        var quiesceKind: QuiesceKind { .recorded }
        func quiesce(key: String, maxHold: TimeSpan, _ context: StepContext) async throws -> [String: JSONValue] { [:] }
        func thaw(key: String, state: [String: JSONValue], _ context: StepContext) async throws -> [String: JSONValue] { [:] }
    }
    let name = "application"
    let summary = "An application with a rest button"
    let defaultMaxHold = TimeSpan.seconds(20)
    let address = Setting<String>.required("address", "where it listens")
    let password = Setting<SecretReference>("password", "its password")
    var schema: SettingsSchema { SettingsSchema([address.field, password.field]) }
    func identity(_ settings: Settings) throws(StepError) -> String { "application:\(try settings.value(address))" }
    func open(_ settings: Settings, _ context: SystemContext) async throws -> Instance { Instance() }
}

/// A tree that can be snapshotted: at once, slowly, or within a bound.
struct PaperVolumeType: SystemType {
    struct Instance: Snapshotting, TreeSource, TreeDestination {
        var keepsBase: Bool { true }
        func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot { SystemSnapshot(key: key) }
        func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? { nil }
        func release(key: String, _ context: StepContext) async throws {}
        func withTree<Result: Sendable>(
            of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
        ) async throws -> Result { throw CancellationError() }
        func withTreeWriter<Result: Sendable>(
            overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
        ) async throws -> Result { throw CancellationError() }
    }
    let name = "volume"
    let summary = "A tree of files"
    let path = Setting<String>.required("path", "where it lies", type: .path)
    let staging = Setting<ByteCount>("staging", "copied aside, at most so much")
    let clones = Setting<Bool>("clones", "the file system can clone", default: true)
    let excludes = Setting<[String]>("excludes", "left out", default: [])
    var schema: SettingsSchema { SettingsSchema([path.field, staging.field, clones.field, excludes.field]) }
    func identity(_ settings: Settings) throws(StepError) -> String { "volume:\(try settings.value(path))" }
    func snapshotCost(_ settings: Settings) throws(StepError) -> SnapshotCost {
        if let bound = try settings.optional(staging) { return .bounded(bound) }
        return try settings.value(clones) ? .instant : .slow
    }
    func open(_ settings: Settings, _ context: SystemContext) async throws -> Instance { Instance() }
}

/// Can be read, nothing else.
struct PaperStreamType: SystemType {
    struct Instance: TreeSource {
        func withTree<Result: Sendable>(
            of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
        ) async throws -> Result { throw CancellationError() }
    }
    let name = "stream"
    let summary = "The output of a program"
    let source = Setting<[String]>.required("source", "the program", type: .argv)
    let owner = Setting<String>("owner", "whose it is")
    var schema: SettingsSchema { SettingsSchema([source.field, owner.field]) }
    func identity(_ settings: Settings) throws(StepError) -> String {
        throw StepError(
            .invalidSetting, expected: "identity: a word", found: "nothing", at: settings.origin, advice: "write `identity:`")
    }
    func open(_ settings: Settings, _ context: SystemContext) async throws -> Instance { Instance() }
}

/// An image, and the files in it, which have to be attached.
struct PaperDiskType: SystemType {
    struct Instance: Snapshotting, ImageSource, Attaching {
        var keepsBase: Bool { true }
        var logicalPath: TreePath { TreePath("disk") }
        func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot { SystemSnapshot(key: key) }
        func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? { nil }
        func release(key: String, _ context: StepContext) async throws {}
        func withImage<Result: Sendable>(
            of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any ImageReader) async throws -> Result
        ) async throws -> Result { throw CancellationError() }
        func attach(_ view: SystemView, of snapshot: SystemSnapshot?, key: String, _ context: StepContext) async throws -> Attachment {
            Attachment(key: key, view: view, snapshot: snapshot)
        }
        func detach(key: String, state: [String: JSONValue], _ context: StepContext) async throws {}
        func attached(_ attachment: Attachment) throws -> any System { self }
    }
    let name = "disk"
    let summary = "A disk and what is on it"
    let scope = AcquisitionScope.global
    let attachedViews: Set<SystemView> = [.tree]
    let path = Setting<String>.required("path", "where it lies", type: .path)
    var schema: SettingsSchema { SettingsSchema([path.field]) }
    func identity(_ settings: Settings) throws(StepError) -> String { "disk:\(try settings.value(path))" }
    func open(_ settings: Settings, _ context: SystemContext) async throws -> Instance { Instance() }
}

struct PaperRepositoryType: RepositoryType {
    let name = "local"
    let summary = "A folder"
    let path = Setting<String>.required("path", "where it lies", type: .path)
    var schema: SettingsSchema { SettingsSchema([path.field]) }
    func identity(_ settings: Settings) throws(StepError) -> String { "local:\(try settings.value(path))" }
    func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore { throw CancellationError() }
}

extension VerbDeclaration {
    private static func field(_ name: String, _ type: SettingType, default value: JSONValue? = nil, required: Bool = false) -> SettingField
    {
        SettingField(name: name, summary: "the \(name)", type: type, defaultValue: value, isRequired: required)
    }

    static let paper: [VerbDeclaration] = [
        VerbDeclaration(
            name: "quiesce", summary: "Freeze", subject: .systems(anyOf: [.quiescing]),
            schema: SettingsSchema([field("maxHold", .timeSpan)]), workClass: .window, windowRole: .opens,
            acquires: Acquisition(of: .freeze, undoVerb: "thaw", undoneWhen: .windowSealed), holdsSystems: .exclusive,
            outputs: ["systems": "what the freezes returned"], undoOutputs: ["systems": "what the thaws returned"]),
        VerbDeclaration(
            name: "snapshot", summary: "Hold a point in time", subject: .systems(anyOf: [.snapshotting]),
            schema: SettingsSchema([field("group", .boolean, default: false)]), workClass: .window, windowRole: .snapshot,
            acquires: Acquisition(of: .snapshot, undoVerb: "release", undoneWhen: .usersDone), holdsSystems: .exclusive,
            outputs: ["snapshots": "by system"]),
        VerbDeclaration(
            name: "attach", summary: "Attach", subject: .systems(anyOf: [.attaching]),
            schema: SettingsSchema([field("as", .choice(["tree", "image"]))]), workClass: .backup,
            acquires: Acquisition(of: .attachment, undoVerb: "detach", undoneWhen: .usersDone), holdsSystems: .shared,
            reads: .attachedViews, outputs: ["attachments": "by system"]),
        VerbDeclaration(
            name: "copy", summary: "Copy", subject: .systems(anyOf: [.treeSource, .imageSource]),
            schema: SettingsSchema([
                field("to", .either([.repositoryName, .list(.repositoryName)]), required: true),
                field("tags", .list(.string), default: []), field("as", .choice(["tree", "image"])),
            ]), workClass: .backup, holdsSystems: .shared, holdsRepositories: .shared, holdsParents: true, reads: .views,
            outputs: ["snapshotID": "the repository snapshot", "bytes": "how many"]),
        VerbDeclaration(
            name: "verify", summary: "Verify", subject: .copyStepOrRepository,
            schema: SettingsSchema([
                field("read", .either([.choice(["metadata", "all"]), .percentage]), default: "metadata"),
                field("restore", .object(SettingsSchema([field("into", .systemName([.treeDestination])), field("checks", .list(.any))]))),
            ]), workClass: .verify,
            acquires: Acquisition(of: .scratch, undoVerb: "drop", undoneWhen: .stepEnded, onlyWithSetting: "restore"),
            holdsRepositories: .shared, outputs: ["level": "the level"]),
        VerbDeclaration(
            name: "prune", summary: "Prune", subject: .repository,
            schema: SettingsSchema([
                field(
                    "keep", .object(SettingsSchema([field("last", .integer(1...1000)), field("daily", .integer(1...1000))])), required: true
                ),
                field("reclaimEvery", .timeSpan, default: "7d"),
            ]), workClass: .prune, holdsRepositories: .exclusive),
        VerbDeclaration(
            name: "restore", summary: "Restore", subject: .repositorySnapshot,
            schema: SettingsSchema([
                field("from", .repositoryName, required: true), field("to", .systemName([.treeDestination]), required: true),
                field("overwrite", .boolean, default: false),
            ]), workClass: .restore, holdsSystems: .exclusive, holdsRepositories: .shared),
        VerbDeclaration(
            name: "exec", summary: "Run a program", subject: .none,
            schema: SettingsSchema([
                field("argv", .argv, required: true), field("stdin", .string),
                field("environment", .map(.either([.string, .secret])), default: [:]),
            ]), workClass: .backup, windowRole: .instantWhenDeclared, outputs: ["stdout": "what it wrote", "exit": "its exit status"]),
        VerbDeclaration(
            name: "approve", summary: "Ask somebody", subject: .none, schema: SettingsSchema([field("by", .list(.string))]),
            workClass: .backup, waitsFor: .approval),
    ]
}
