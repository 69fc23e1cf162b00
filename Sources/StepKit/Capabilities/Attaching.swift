public import Basics
public import FlowModel

/// Is read only where a host has it: a LUN that is mapped, an export that is mounted, the file system within a disk's image.
public protocol Attaching: System {
    /// Makes a view of `snapshot`, or of the live system when nil, readable on this host. `key` names what is made (at most 32 characters of
    /// `[a-z0-9-]`). Nothing is written to the snapshot or the system. When it throws, `detach` is called all the same, and so it is before an
    /// attempt of unknown outcome is repeated.
    func attach(_ view: SystemView, of snapshot: SystemSnapshot?, key: String, _ context: StepContext) async throws -> Attachment

    /// Undoes it, whole or half made. Idempotent; works from the recorded state alone, in another process of the same host, after a crash, when
    /// nothing was recorded (`state` is empty), and when nothing is there. Throws a transient error while somebody still reads it.
    func detach(key: String, state: [String: JSONValue], _ context: StepContext) async throws

    /// What is attached, as a system that is read: a `TreeSource` or an `ImageSource`, according to the view. It must tell an attachment that is
    /// gone from one that is empty, and hold it while it is read.
    func attached(_ attachment: Attachment) throws -> any System
}

/// An attachment as recorded: the key it is named from, what it is of, and what the plug-in needs to read it.
public struct Attachment: Sendable, Hashable, Codable {
    /// What the step that attached is named by; what is attached is found again by it.
    public var key: String
    /// What was attached to be read.
    public var view: SystemView
    /// The point in time that is attached; nil: the live system.
    public var snapshot: SystemSnapshot?
    /// What says where it is (`device`, `mount`), for steps that use it and for its undo.
    public var state: [String: JSONValue]

    public init(key: String, view: SystemView, snapshot: SystemSnapshot?, state: [String: JSONValue] = [:]) {
        self.key = key
        self.view = view
        self.snapshot = snapshot
        self.state = state
    }
}
