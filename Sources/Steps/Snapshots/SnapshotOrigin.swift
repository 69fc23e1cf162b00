import Basics
public import FlowModel
public import Repository

/// Whose a repository snapshot is: one pipeline's copy of one system on one host; or another program's, told by host and paths. A pure value.
///
/// Systems of one name in two pipelines are two, and so are those that one document, used at several sites, copies from several hosts.
public struct SnapshotOrigin: Sendable {
    /// Nil where no pipeline made it.
    public var pipeline: String?
    /// Nil where it is no copy of ours.
    public var system: String?
    public var host: String
    /// The view of the system that it is of, where that is not the type's own: the disk of a machine and the files in it are two things to keep.
    public var view: SystemView?
    /// Of other programs' snapshots, sorted; empty for ours, for a system stays the same where its place changes.
    public var paths: [String]

    init(pipeline: String, system: String, host: String, view: SystemView? = nil) {
        self.view = view
        self.pipeline = pipeline
        self.system = system
        self.host = host
        paths = []
    }

    /// By its tags; see `SnapshotTag`.
    public init(_ snapshot: Snapshot) {
        pipeline = SnapshotTag.pipeline(of: snapshot)
        system = SnapshotTag.system(of: snapshot)
        host = snapshot.hostname
        view = SnapshotTag.view(of: snapshot)
        paths = system == nil ? snapshot.paths.map { ExactText($0) }.sorted().map(\.text) : []
    }

    /// The parent of the next copy, of snapshots that are the oldest first: its own newest one, a partial one too, for what that misses is read anyway.
    /// For a first copy what another program stored of the same host and paths. Never another pipeline's or system's: hosts are named by documents, so it
    /// may be of another machine, and where a file's size and time are all that is compared its content would be taken for ours.
    func parent(among snapshots: [Snapshot]) -> Snapshot? {
        snapshots.last { SnapshotOrigin($0) == self }
            ?? snapshots.last { SnapshotTag.pipeline(of: $0) == nil && SnapshotTag.system(of: $0) == nil }
    }

    /// The same system, as what it is by itself.
    var ofOwnView: SnapshotOrigin {
        var origin = self
        origin.view = nil
        return origin
    }

    /// What one says to get this and nothing else, for an error: `--system db --host db1`.
    var options: String {
        var words: [(String, String)] = []
        if let pipeline { words.append(("--pipeline", pipeline)) }
        if let system { words.append(("--system", system)) }
        words.append(("--host", host))
        if let view { words.append(("--tag", SnapshotTag.view(view))) }
        words += paths.prefix(3).map { ("--path", $0) }
        return words.map { "\($0) \($1.quotedForShell.printable)" }.joined(separator: " ")
    }
}

extension SnapshotOrigin: Hashable {
    /// By bytes: hosts and paths that only look alike are others.
    public static func == (left: SnapshotOrigin, right: SnapshotOrigin) -> Bool { left.identity == right.identity }
    public func hash(into hasher: inout Hasher) { hasher.combine(identity) }
    private var identity: [ExactText?] { ([pipeline, system, host, view?.rawValue] + paths).map { $0.map { ExactText($0) } } }
}

extension SnapshotOrigin: Comparable {
    public static func < (left: SnapshotOrigin, right: SnapshotOrigin) -> Bool { left.key.lexicographicallyPrecedes(right.key) }
    private var key: [ExactText] { ([pipeline ?? "", system ?? "", host, view?.rawValue ?? ""] + paths).map { ExactText($0) } }
}

extension SnapshotOrigin: CustomStringConvertible {
    /// `system db of pipeline nightly, host db1`; of another program's: `host nas1, /srv/home`. Safe to show on a terminal.
    public var description: String { words(with: paths) }

    /// The same with these paths.
    func words(with paths: [String]) -> String {
        var parts: [String] = []
        if let system {
            parts.append("system \(system)" + (view.map { " as \($0.words)" } ?? "") + (pipeline.map { " of pipeline \($0)" } ?? ""))
        } else if let pipeline {
            parts.append("pipeline \(pipeline)")
        }
        parts.append("host \(host)")
        if !paths.isEmpty { parts.append(paths.prefix(3).joined(separator: " ") + (paths.count > 3 ? " and \(paths.count - 3) more" : "")) }
        return parts.joined(separator: ", ").printable
    }
}

extension String {
    /// As a POSIX shell takes it for one word.
    fileprivate var quotedForShell: String {
        let plain =
            !isEmpty
            && unicodeScalars.allSatisfy {
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:@%+=-".unicodeScalars.contains($0)
            }
        return plain ? self : "'\(replacing("'", with: "'\\''"))'"
    }
}
