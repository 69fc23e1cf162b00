import Basics
import Foundation
import Rigs
import StepKit
import StorageKit

/// One system of a type, set up so that every check of its capabilities can run against it. It lies beside the type's own tests.
protocol SystemSample: AnyObject, Sendable {
    /// As documents name it.
    static var type: String { get }

    /// With a folder of its own, and what the system holds at the start.
    init() async throws
    var folder: ScratchFolder { get }

    /// Where the files lie of a source that is made of files.
    var data: String { get }
    /// Of the system that is read.
    var settings: [String: JSONValue] { get }
    /// Of the system that is restored to; the same, where nothing else is said.
    var targetSettings: [String: JSONValue] { get }

    /// What the source holds as a tree, by path; nil where nobody can tell beforehand.
    var content: [String: String?] { get }
    /// Changes the source, as whoever uses it does.
    func write(_ text: String, to name: String) throws
    /// Makes what has a file system within have one, with these files: for systems that are attached.
    func fill(_ files: [String: String]) async throws

    /// The one file that is restored, and what arrived of it; nil for nothing.
    var restoredFile: TreePath { get }
    var received: [UInt8]? { get }

    var quiesceKind: QuiesceKind { get }
    var isFrozen: Bool { get async throws }
    /// Whether there is something for `discover` to find.
    var isDiscovered: Bool { get }

    /// Of a system of several parts, where they lie, as `write` has them.
    var partFiles: [String] { get }
    /// What is snapshotted while the sample rests, and the files that its copies get.
    var window: SampleWindow { get throws }
    /// Makes `folder` a copy of it as a restore leaves one.
    func restore(into folder: String, _ bench: SampleBench) async throws
    /// Makes such a copy a bad one, where settings alone don't find it so.
    func spoil(_ folder: String) throws
    /// The settings of a check that such a copy passes, and of one that it does not.
    var checks: (good: [String: JSONValue], bad: [String: JSONValue]) { get throws }
}

struct SampleWindow: Sendable {
    var folder: String
    var added: Set<FileName>
    var kept: TreePath
}

extension SystemSample {
    var targetSettings: [String: JSONValue] { settings }
    var content: [String: String?] { [:] }
    var restoredFile: TreePath { TreePath("inner/restored") }
    var received: [UInt8]? { nil }
    var quiesceKind: QuiesceKind { .recorded }
    var isDiscovered: Bool { true }
    var partFiles: [String] { [] }
    var window: SampleWindow { get throws { throw StageError(text: "say what is snapshotted while \(Self.type) rests") } }
    func restore(into folder: String, _ bench: SampleBench) async throws {}
    func spoil(_ folder: String) throws {}
    var checks: (good: [String: JSONValue], bad: [String: JSONValue]) {
        get throws { throw StageError(text: "say which checks copies of \(Self.type) pass") }
    }
    var isFrozen: Bool { get async throws { throw StageError(text: "say how one sees that \(Self.type) is frozen") } }
    func fill(_ files: [String: String]) async throws { throw StageError(text: "say how \(Self.type) gets files for its attachment") }

    var data: String { folder.file("data") }
    func write(_ text: String, to name: String) throws { try Self.write(text, to: data + "/" + name) }

    static func write(_ text: String, to path: String) throws {
        try FileManager.default.createDirectory(
            atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }
}

/// A sample whose source is a folder of files.
protocol FolderSample: SystemSample {}

extension FolderSample {
    var content: [String: String?] {
        ["a": "first", "b/deep/c": String(repeating: "second\n", count: 30_000), "empty": "", "z é": "third"]
    }
    func writeContent() throws { for (path, text) in content { try write(text ?? "", to: path) } }
    /// lost+found is the file system's own.
    func settings(_ place: [String: JSONValue]) -> [String: JSONValue] { place.merging(["excludes": ["lost+found"]]) { $1 } }
    var received: [UInt8]? {
        let target = targetSettings["path"] ?? targetSettings["folder"] ?? .string(data)
        return target.stringValue.flatMap { FileManager.default.contents(atPath: $0 + "/inner/restored") }.map(Array.init)
    }
}
