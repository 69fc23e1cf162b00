public import Basics
public import StorageKit

/// A quiescing system whose window's copies are whole only with what its thaw returned: a backup label, the log of what was written meanwhile.
/// Copies of the window's snapshots wait for the thaw.
public protocol TreeCompleting: Quiescing {
    /// The tree of any snapshot of the window with what belongs into it; as it is when nothing does. `thawed` is what the thaw returned.
    func completing(_ tree: any TreeReader, thawed: [String: JSONValue], _ context: StepContext) async throws -> any TreeReader

    /// Every copy of the window has ended, well or not: what is kept for them may go. May be called again, or never, in any process: what is kept
    /// must end by itself too.
    func completed(thawed: [String: JSONValue], _ context: StepContext) async throws
}

extension TreeCompleting {
    /// Does nothing: for types that keep nothing for the copies.
    public func completed(thawed: [String: JSONValue], _ context: StepContext) async throws {}
}
