public import Basics

/// What the database knows of something that was found outside by its key.
public struct HoldingRecord: Sendable, Hashable {
    /// As it is found outside.
    public var key: String
    public var tenant: String
    public var pipeline: String
    public var job: JobID
    /// The compensation that undoes it.
    public var step: StepID
    /// What that does: `thaw`, `release`, `detach`, ...
    public var undo: String
    /// The step that made it.
    public var acquirer: StepID
    /// Where alone it can be undone; nil when anywhere.
    public var host: String?
    public var armedAt: Instant
    public var claim: Claim?

    /// Why it is not to be released.
    public enum Claim: String, Sendable, Hashable {
        /// Its undo is owed.
        case armed
        /// The start of the next increment.
        case base
        /// A base that was replaced, and whose release is owed.
        case formerBase = "former-base"
        /// It is undone as far as anybody knows, but its job has not ended.
        case jobGoesOn = "job-goes-on"
    }
}
