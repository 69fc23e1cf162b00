import Basics
import FlowModel
import Foundation
import PluginHost
import Rigs
import StepKit
import Steps
import StorageKit
import Threads

/// Opens a sample as whoever uses a system does.
final class SampleBench: Sendable {
    let sample: any SystemSample
    let type: String
    let recorder = MemoryRecorder()
    /// Where it is to live, whatever its type declares: nil as it declares.
    @TaskLocal static var child: HostCommand?
    var declared: Settings { Settings(sample.settings, origin: "system sample") }
    var folder: ScratchFolder { sample.folder }

    init(_ sample: any SystemSample.Type) async throws {
        self.sample = try await sample.init()
        type = sample.type
        try FileManager.default.createDirectory(atPath: folder.file("scratch"), withIntermediateDirectories: true)
    }

    /// The system that is read.
    func open<Kind>(as kind: Kind.Type) async throws -> Kind { try await open(sample.settings, as: kind) }

    /// Reads it on a thread of its own, as a copy does: a reader blocks, and two that do so on the cooperative pool hold up what they wait for.
    func read<Value: Sendable>(
        of snapshot: SystemSnapshot? = nil, _ body: @escaping @Sendable (any TreeReader) throws -> Value
    ) async throws -> Value {
        try await open(as: (any TreeSource).self).withTree(of: snapshot, context) { reader in
            try await BlockingPool(label: "reading", width: 1).run { try body(reader) }
        }
    }

    /// The system that is restored to.
    func openTarget() async throws -> any TreeDestination { try await open(sample.targetSettings, as: (any TreeDestination).self) }

    private func open<Kind>(_ settings: [String: JSONValue], as kind: Kind.Type) async throws -> Kind {
        guard let declared = Catalog.hosted.system(type) else { throw StageError(text: "no type \(type)") }
        let type = Self.child.map { declared.hosted(in: $0, timeout: { _ in .minutes(1) }) } ?? declared
        let system: any System = try await type.open(Settings(settings, origin: "system sample"), opening)
        guard let capable = system as? Kind else { throw StageError(text: "\(self.type) is no \(kind)") }
        return capable
    }

    /// A sample is opened for no step, as whoever looks at a system does: what a system needs of a step comes with each call.
    var opening: SystemContext {
        SystemContext(secrets: FileSecrets(), scratchFolder: folder.file("scratch")) { [recorder] in recorder.log($0, $1) }
    }

    var context: StepContext {
        StepContext(
            job: JobID.make(milliseconds: 1), tenant: "default", plan: Plan(pipeline: "conformance", steps: []),
            step: PlannedStep(id: "step", verb: "copy"), attempt: 1, key: "conformance", settings: Settings([:], origin: "step"),
            outputs: [:],
            checkpoint: nil, undoState: [:], catalog: .hosted, secrets: FileSecrets(), recorder: recorder,
            scratchFolder: folder.file("scratch"))
    }

    /// A server ends a session that was closed when it gets to it.
    func untilAlive() async throws { try await eventually("\(type) goes on", every: .milliseconds(50)) { try await !self.sample.isFrozen } }
}

extension TreeReader {
    /// Every file's text, by path.
    func allFiles() throws -> [String: String] {
        var found: [String: String] = [:]
        var pending = [TreePath()]
        while let folder = pending.popLast() {
            for entry in try list(folder).entries {
                let path = folder.appending(entry.name)
                if entry.metadata.kind == .directory { pending.append(path) }
                if entry.metadata.kind == .file { found[path.description] = String(decoding: try bytes(of: path), as: UTF8.self) }
            }
        }
        return found
    }

    func bytes(of path: TreePath) throws -> [UInt8] {
        let file = try open(path)
        defer { file.close() }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
}
