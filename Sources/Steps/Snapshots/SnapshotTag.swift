import FlowModel
import Basics
public import Repository

/// The tags by which pipelines find their repository snapshots again.
public enum SnapshotTag {
    static func pipeline(_ name: String) -> String { "pipeline:\(name)" }
    static func system(_ name: String) -> String { "system:\(name)" }
    static func job(_ id: JobID) -> String { "job:\(id)" }
    static func step(_ id: StepID) -> String { "step:\(id)" }

    /// Another view than the type's own.
    static func view(_ view: SystemView) -> String { "view:\(view.rawValue)" }

    /// Something could not be read: it proves nothing and replaces no whole one. In the repository itself, for a database can be lost.
    static let partial = "partial"
    /// What `repair snapshots` made, ours or restic's, from one that lost something.
    static let repaired = "repaired"

    /// Whether a snapshot has all that it was of, as far as whoever made it knew.
    public static func isWhole(_ snapshot: Snapshot) -> Bool { !snapshot.tags.contains(partial) && !snapshot.tags.contains(repaired) }

    /// The name of the system that a snapshot is of.
    public static func system(of snapshot: Snapshot) -> String? { value("system:", of: snapshot) }

    /// The name of the pipeline that made it.
    public static func pipeline(of snapshot: Snapshot) -> String? { value("pipeline:", of: snapshot) }

    /// Which view of its system it is of; nil: the type's own.
    static func view(of snapshot: Snapshot) -> SystemView? {
        system(of: snapshot) == nil ? nil : value("view:", of: snapshot).flatMap(SystemView.init(rawValue:))
    }

    /// The first: a copy writes its own before those that a person asked for, and a tag that was added later takes no snapshot from its pipeline.
    private static func value(_ prefix: String, of snapshot: Snapshot) -> String? {
        snapshot.tags.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }
}
