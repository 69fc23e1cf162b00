import Basics
import FlowModel

/// What a guard is told when it starts: one line of JSON on its standard input. Secrets are references in it, as everywhere.
struct GuardOrder: Sendable, Hashable, Codable {
    var job: JobID
    var tenant: String
    var plan: Plan
    /// The thaw.
    var step: PlannedStep
    /// Names the freeze.
    var key: String
    /// The thaw's settings, expressions resolved.
    var settings: [String: JSONValue]
    var state: [String: JSONValue]
    /// How long from now the freeze may last.
    var hold: TimeSpan
    /// A folder for what the thaw needs, and the file that says what the guard did.
    var scratchFolder: String
    var reportPath: String
}

/// What a guard is told later: a line each.
enum GuardCommand: Sendable, Hashable, Codable {
    /// The freeze recorded something that its undo needs.
    case state([String: JSONValue])
    /// The call that freezes has returned: no freeze can land after a thaw any more.
    case settled
    /// Thaw now: the worker lost its lease.
    case thaw
    /// Thawed by the regular way: end quietly.
    case disarm
}

/// What a guard says, a line each on its standard output, and leaves in its report file.
struct GuardReport: Sendable, Hashable, Codable {
    enum Event: String, Sendable, Hashable, Codable { case ready, thawed, thawFailed }
    enum Reason: String, Sendable, Hashable, Codable {
        case holdPassed, workerGone, told
    }
    var event: Event
    /// The guard's, when it is ready.
    var process: Int32?
    var reason: Reason?
    var error: String?
    /// Unix time.
    var at: Int64
}
