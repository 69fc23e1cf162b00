public import FlowModel
public import Basics

/// A storage system plug-in: one folder declares one of these, one line in the catalog lists it.
public protocol SystemType: MachineUsing {
    associatedtype Instance: System

    /// The word after `type:`.
    var name: String { get }
    /// Raised when settings, undo state or behaviour change so that an older binary could not go on with a job.
    var contractVersion: Int { get }
    /// One line for `plugins list`.
    var summary: String { get }
    var schema: SettingsSchema { get }
    /// Where what it acquires can be undone, where nothing else is said of the one kind or the other.
    var scope: AcquisitionScope { get }
    /// Where an acquisition of that kind can be undone: a snapshot may be anybody's to release, while the freeze before it was one host's. Not asked of
    /// attachments, which are always the host's that attached.
    func scope(of kind: AcquisitionKind) -> AcquisitionScope
    /// How long a freeze of this system may last where the document does not say.
    var defaultMaxHold: TimeSpan { get }
    /// What its instances can do: by their type, where nothing else is said.
    var capabilities: Set<Capability> { get }

    /// What of an instance can be copied, the view that is meant where nothing is said first. Each is one that the instance has itself
    /// (`TreeSource`, `ImageSource`), or one of `attachedViews`.
    var views: [SystemView] { get }
    /// The views that are there only while the system is attached to a host.
    var attachedViews: Set<SystemView> { get }
    /// What an instance of these settings consists of (`PartSource`), by name: each a tree or an image. Empty for what is one thing, and where
    /// only the system itself knows. Pure; settings may have expressions in them.
    func parts(_ settings: Settings) -> [String: SystemView]
    /// The settings of one entry of `checks:`, where instances check restored copies (`Verifying`); nil else.
    var checkSchema: SettingsSchema? { get }

    /// What the system is, whatever it is called: a pure function of settings that are not secret, starting with the type's name
    /// (`directory:/srv/home`). `identity:` in the document overrides it.
    func identity(_ settings: Settings) throws(StepError) -> String
    /// The settings without which a system of this type has no such capability, by their names; empty where the type alone decides.
    func settings(neededFor capability: Capability) -> [String]
    /// What is wrong with settings that have the right shapes. Pure; of a setting with an expression in it nobody asks.
    func problems(in settings: Settings) -> [SettingProblem]
    /// How long a snapshot takes: what may stand in a window depends on it. Pure.
    func snapshotCost(_ settings: Settings) throws(StepError) -> SnapshotCost
    /// What systems must share to be held in one instant (`GroupSnapshotting`), as a cluster's name; nil for one that can't be in a group. Pure.
    func groupPlace(_ settings: Settings) -> String?
    /// Begins what takes an instance a moment before its first call, a program to be started, a server to be connected to, for who will need one
    /// soon. Returns at once, reports nothing and changes nothing: what goes wrong goes wrong again where it counts. Secrets may be read, more
    /// than once.
    func prepare(_ settings: Settings)
    /// Opens an instance. Cheap; connects at first use or here. Called once a step that names the system, and by whoever looks at one.
    func open(_ settings: Settings, _ context: SystemContext) async throws -> Instance
}

extension SystemType {
    /// 1 until it is raised.
    public var contractVersion: Int { 1 }
    /// The host that acquired it, unless a type says otherwise.
    public var scope: AcquisitionScope { .host }
    /// What is attached is undone on its host; everything else as `scope` says.
    public func scope(of kind: AcquisitionKind) -> AcquisitionScope { kind == .attachment ? .host : scope }
    /// Thirty seconds, unless a type says otherwise.
    public var defaultMaxHold: TimeSpan { .seconds(30) }
    /// Copies of its windows wait for the thaw.
    public var thawCompletesCopies: Bool { capabilities.contains(.completing) }
    /// Those of the protocols that instances conform to.
    public var capabilities: Set<Capability> { Capability.of(Instance.self) }
    /// Those whose protocols instances conform to, the tree first, then image and parts; then those that have to be attached.
    public var views: [SystemView] {
        let own = [SystemView.tree, .image, .parts].filter { capabilities.contains($0.source) }
        return own + attachedViews.subtracting(own).sorted()
    }
    /// None: what instances are read as needs nothing attached.
    public var attachedViews: Set<SystemView> { [] }
    /// None: the type alone decides.
    public func settings(neededFor capability: Capability) -> [String] { [] }
    /// Nothing beyond what the schema says.
    public func problems(in settings: Settings) -> [SettingProblem] { [] }
    /// An instant, unless a type says otherwise.
    public func snapshotCost(_ settings: Settings) throws(StepError) -> SnapshotCost { .instant }
    /// Nil: instances are in no group.
    public func groupPlace(_ settings: Settings) -> String? { nil }
    /// None: instances are one thing, unless a type says otherwise.
    public func parts(_ settings: Settings) -> [String: SystemView] { [:] }
    /// Nil: instances check nothing, unless a type says otherwise.
    public var checkSchema: SettingsSchema? { nil }
    /// Does nothing: for types that are ready at once.
    public func prepare(_ settings: Settings) {}
}

/// An opened system. What it can do is said by the capability protocols that it conforms to.
public protocol System: Sendable {}

/// Who can undo an acquisition.
public enum AcquisitionScope: String, Sendable, Hashable {
    /// Any worker that reaches the system can undo it.
    case global
    /// Only a worker on the host that acquired it.
    case host
}

/// What a step may acquire of a system.
public enum AcquisitionKind: String, Sendable, Hashable, CaseIterable {
    /// A quiesce.
    case freeze
    case snapshot
    /// What a host has of the system in order to read it: a mapping, a session, a mount.
    case attachment
    /// A system that is made to be looked at, and thrown away.
    case scratch
}

extension SystemView {
    /// What an instance has that offers it by itself.
    public var source: Capability {
        switch self {
        case .tree: .treeSource
        case .image: .imageSource
        case .parts: .partSource
        }
    }
}

/// What a snapshot costs whoever waits for it in a window.
public enum SnapshotCost: Sendable, Hashable {
    case instant
    /// A staging copy of at most so many bytes.
    case bounded(ByteCount)
    /// Too slow for a window.
    case slow
}
