public import FlowModel
public import Basics
public import Repository
import StepKit
public import StorageKit

/// Which of a repository's snapshots count for a command or a step. A pure value; host, paths and tags mean what they mean to restic.
public struct SnapshotFilter: Sendable, Hashable {
    /// The pipeline that made it.
    public var pipeline: String?
    /// The system that it is a copy of.
    public var system: String?
    /// Of the system, this view.
    public var view: View?
    /// One of these, where there are any.
    public var hosts: [String] = []
    /// All of these are among its own paths.
    public var paths: [String] = []
    /// All tags of one of these lists, where there are any; an empty tag stands for a snapshot without tags.
    public var tags: [[String]] = []
    /// Only older ones.
    public var before: Instant?
    /// Where some snapshots are of a folder that holds one of these, or lies in one: only those. It narrows what is left by all else, never to nothing.
    public var holding: [TreePath] = []

    public init() {}

    public enum View: Sendable, Hashable {
        /// The one that is meant where nothing is said.
        case own
        case other(SystemView)

        /// A view of a system of that type; where nobody knows the type, what the snapshots say.
        init(_ view: SystemView, of type: (any SystemType)?, among snapshots: [Snapshot]) {
            let isOther = type.map { $0.views.first != view } ?? snapshots.contains { SnapshotTag.view(of: $0) == view }
            self = isOther ? .other(view) : .own
        }

        var tagged: SystemView? {
            switch self {
            case .own: nil
            case .other(let view): view
            }
        }
    }

    /// A list of tags as restic reads it: separated by commas.
    public static func tagList(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map {
            String($0.trimmingPrefix(while: \.isWhitespace).trimmingSuffix(\.isWhitespace))
        }
    }

    /// Whether it names snapshots that a document's own pipeline need not have made.
    var reachesBeyondDocument: Bool { pipeline != nil || !hosts.isEmpty || !paths.isEmpty || !tags.isEmpty }

    /// Says nothing.
    public var isEmpty: Bool { self == SnapshotFilter() }

    public func admits(_ snapshot: Snapshot) -> Bool {
        if let pipeline, SnapshotTag.pipeline(of: snapshot)?.isExactly(pipeline) != true { return false }
        if let system, SnapshotTag.system(of: snapshot)?.isExactly(system) != true { return false }
        if let view, SnapshotTag.view(of: snapshot) != view.tagged { return false }
        if let before, snapshot.time >= before { return false }
        return (hosts.isEmpty || hosts.containsExactly(snapshot.hostname)) && paths.allSatisfy({ snapshot.paths.containsExactly($0) })
            && (tags.isEmpty || tags.contains { Self.has($0, snapshot) })
    }

    /// Those that it admits, in the order given.
    public func admitted(_ snapshots: [Snapshot]) -> [Snapshot] { snapshots.filter(admits) }

    private static func has(_ list: [String], _ snapshot: Snapshot) -> Bool {
        list.allSatisfy { $0.isEmpty ? snapshot.tags.isEmpty : snapshot.tags.containsExactly($0) }
    }

    func holds(_ snapshot: Snapshot) -> Bool {
        holding.contains { wanted in
            snapshot.paths.contains { path in
                let parts = TreePath(path).parts
                return parts.starts(with: wanted.parts) || wanted.parts.starts(with: parts)
            }
        }
    }
}

extension SnapshotFilter: CustomStringConvertible {
    /// ` of system db, host db1, before 2026-11-23T04:00:00Z`; empty when it says nothing.
    public var description: String {
        var words: [String] = []
        if let system { words.append("of system \(system)") }
        if let pipeline { words.append("of pipeline \(pipeline)") }
        if let view { words.append(view.tagged.map { "of it as \($0.words)" } ?? "of its own view") }
        if !hosts.isEmpty { words.append("of host \(hosts.joined(separator: " or "))") }
        if !paths.isEmpty { words.append("with \(paths.joined(separator: " and "))") }
        if !tags.isEmpty {
            words.append("tagged \(tags.map { $0 == [""] ? "with nothing" : $0.joined(separator: " and ") }.joined(separator: " or "))")
        }
        if let before { words.append("before \(SnapshotTime.text(before))") }
        return words.map { " \($0)" }.joined(separator: ",").printable
    }
}

extension Substring {
    fileprivate func trimmingSuffix(_ isOut: (Character) -> Bool) -> Substring {
        var rest = self
        while let last = rest.last, isOut(last) { rest.removeLast() }
        return rest
    }
}
