import Basics
import FlowModel
import StepKit

/// A system as written, its settings read by its plug-in's declaration.
struct DeclaredSystem: Sendable {
    var name: String
    var type: String
    var settings: [String: JSONValue]
    /// What `identity:` says.
    var identity: String?
    var host: String
    var mentions: Mentions
    var mark: SourceMark
    var source: SourceText
}

struct DeclaredRepository: Sendable {
    var name: String
    var type: String
    var settings: [String: JSONValue]
    var password: SecretReference
    var create: Bool
    /// What was declared of `StoreAccess`; nil when nothing was.
    var access: [String: JSONValue]?
    /// What `mirror:` says.
    var mirror: String?
    var mentions: Mentions
    var mark: SourceMark
    var source: SourceText
}

/// A Pipeline document as written: everything read by its type, nothing resolved yet.
struct PipelineDocument: Sendable {
    var name: String
    var labels: [String: String]
    var source: SourceText
    var mark: SourceMark
    var parameters: [String: PlannedParameter] = [:]
    var systems: [String: DeclaredSystem] = [:]
    var repositories: [String: DeclaredRepository] = [:]
    /// Declared with something wrong in them: naming one is no second error.
    var brokenNames: Set<String> = []
    var limits: [String: Int] = [:]
    /// Where parameters and limits are declared: `parameters.sample`, `limits.array`.
    var places: [String: SourceMark] = [:]
    var schedule: JSONValue?
    var objectives: JSONValue?
    var blackouts: JSONValue?
    var hooks: JSONValue?
    var steps: [WrittenNode] = []
}

/// An element of `steps:`.
indirect enum WrittenNode: Sendable {
    case step(WrittenStep)
    case parallel([WrittenNode], after: [Mentions.Name]?, mark: SourceMark)
}

/// A step as written.
struct WrittenStep: Sendable {
    enum Subject: Sendable {
        case none
        case names([Mentions.Name])
        case snapshot(String)
    }

    var verb: VerbDeclaration
    var subject: Subject
    /// The verb's settings, defaults written out.
    var settings: [String: JSONValue]
    /// The settings that stand in the document.
    var given: Set<String>
    /// Where the values of its keys stand.
    var places: [String: SourceMark] = [:]
    var mentions: Mentions
    var keys: StepKeys
    var mark: SourceMark
}

/// What every step takes beside its verb.
struct StepKeys: Sendable {
    var id: Mentions.Name?
    var after: [Mentions.Name]?
    var when: String?
    var whenMark: SourceMark?
    var forEach: FanOut?
    var timeout: TimeSpan?
    var retry = RetryPolicy()
    var continueOnError = false
    var runOn: [String: String] = [:]
    var priority = 0
    var limits: [Mentions.Name] = []
    var instant = false
}
