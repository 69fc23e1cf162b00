import Basics
public import FlowModel

/// Everything that compiler, schema and docs need to know of a verb.
public struct VerbDeclaration: Sendable {
    /// The word in the document.
    public var name: String
    /// Raised when settings, outputs or behaviour change so that an older binary could not go on with a job.
    public var contractVersion: Int
    /// For people, in one line.
    public var summary: String
    /// What stands after the verb's colon.
    public var subject: SubjectRule
    /// Its settings, without those that every step has.
    public var schema: SettingsSchema
    /// In which order workers claim its steps among others.
    public var workClass: WorkClass
    /// What it is to a window.
    public var windowRole: WindowRole
    /// What it acquires, and the word for its undo.
    public var acquires: Acquisition?
    /// How it holds the systems it is about.
    public var holdsSystems: Hold.Mode?
    /// How it holds the repositories it opens.
    public var holdsRepositories: Hold.Mode?
    /// True: what it adds to a repository follows on what the repository has of the system, so of each pair there is one at a time.
    public var holdsParents: Bool
    /// What it waits for instead of running.
    public var waitsFor: WaitKind?
    /// How it looks at the systems that it is about; nil: it reads none of their views.
    public var reads: ViewReading?
    /// Names of its outputs, with what they are.
    public var outputs: [String: String]
    /// What its undo returns, if anything.
    public var undoOutputs: [String: String]

    public init(
        name: String, contractVersion: Int = 1, summary: String, subject: SubjectRule, schema: SettingsSchema, workClass: WorkClass,
        windowRole: WindowRole = .slow, acquires: Acquisition? = nil, holdsSystems: Hold.Mode? = nil, holdsRepositories: Hold.Mode? = nil,
        holdsParents: Bool = false, waitsFor: WaitKind? = nil, reads: ViewReading? = nil, outputs: [String: String] = [:],
        undoOutputs: [String: String] = [:]
    ) {
        self.name = name
        self.contractVersion = contractVersion
        self.summary = summary
        self.subject = subject
        self.schema = schema
        self.workClass = workClass
        self.windowRole = windowRole
        self.acquires = acquires
        self.holdsSystems = holdsSystems
        self.holdsRepositories = holdsRepositories
        self.holdsParents = holdsParents
        self.waitsFor = waitsFor
        self.reads = reads
        self.outputs = outputs
        self.undoOutputs = undoOutputs
    }
}

/// What may stand after a verb's colon.
public enum SubjectRule: Sendable, Hashable {
    /// Nothing (`exec:` has its settings there).
    case none
    /// One system or a list, each with one of the capabilities.
    case systems(anyOf: [Capability])
    case repository
    /// A copy step, or a repository.
    case copyStepOrRepository
    /// A repository snapshot: `latest`, an id, `latest before TIME`; `from:` names the repository.
    case repositorySnapshot
}

/// What a verb is to a window.
public enum WindowRole: String, Sendable, Hashable {
    /// Opens it.
    case opens
    /// Is what the window is for.
    case snapshot
    /// May stand in it when declared `instant: true` with a timeout.
    case instantWhenDeclared
    /// Never stands in it.
    case slow
}

/// How a verb looks at systems.
public enum ViewReading: Sendable, Hashable {
    /// The setting `as` says which view; what has to be attached for it is attached by a step that the compiler puts in front.
    case views
    /// It attaches: the setting `as` says which of the views that have to be.
    case attachedViews

    /// The setting that says which view.
    public static let setting = "as"
}

/// What a step has after it has run, and what gives that back.
public struct Acquisition: Sendable, Hashable {
    /// What is acquired: by it a system says where that can be undone (`SystemType.scope(of:)`).
    public var kind: AcquisitionKind
    /// `thaw`, `release`, `detach`, `drop`
    public var undoVerb: String
    /// When the undo becomes ready.
    public var undoneWhen: UndoPoint
    /// Acquired only when this setting is present (verify acquires a scratch system only with `restore:`).
    public var onlyWithSetting: String?
    public init(of kind: AcquisitionKind, undoVerb: String, undoneWhen: UndoPoint, onlyWithSetting: String? = nil) {
        self.kind = kind
        self.undoVerb = undoVerb
        self.undoneWhen = undoneWhen
        self.onlyWithSetting = onlyWithSetting
    }
    /// The moment at which an undo may begin.
    public enum UndoPoint: String, Sendable, Hashable {
        /// When the window's snapshots are done.
        case windowSealed
        /// When everything that uses its output is done.
        case usersDone
        /// When the step itself has ended.
        case stepEnded
    }
}

/// Who ends a step that waits: a person who decides, or another program.
public enum WaitKind: String, Sendable, Hashable, Codable {
    case approval, external
}
