import Basics
import FlowModel
import Foundation
import Rigs
import StepKit
import Steps
import StorageKit
import Threads

/// One system of each plug-in, set up so that every capability suite can run against it.
enum SystemSample: String, CaseIterable, Sendable {
    case directory, command, postgresql, blockdevice, filesystem, btrfs, zfs, cephfs
    case cephRBD = "ceph-rbd"
    case cephRados = "ceph-rados"
    /// The examples of plug-ins outside the binary.
    case imageFolder = "image-folder"
    case sqliteFolder = "sqlite-folder"

    var quiesceKind: QuiesceKind { self == .postgresql ? .session : .recorded }

    /// The plug-ins that have a capability, by the catalog, so that a new one without a sample fails the suite.
    static func all(with capability: Capability) -> [SystemSample] {
        Catalog.hosted.systems.filter { $0.capabilities.contains(capability) }.map { type in
            guard let sample = SystemSample(rawValue: type.name) else {
                preconditionFailure("no conformance sample of the system type \(type.name)")
            }
            return sample
        }
    }
}

/// A sample in a folder of its own, opened.
final class SampleBench: Sendable {
    let sample: SystemSample
    /// Before the folder in which it is mounted: released first.
    private let mount: LoopMount?
    private let pool: ZFSPoolRig?
    let folder: ScratchFolder
    let recorder = MemoryRecorder()
    /// Where the source's files lie.
    private let data: String
    private let settings: [String: JSONValue]

    /// What the source holds at the start, by path; nil where nobody can tell beforehand.
    let content: [String: String?]
    private let server: PostgreSQLServerRig?
    private let image: ScratchImage?
    private let objects: ScratchPool?

    init(_ sample: SystemSample) async throws {
        self.sample = sample
        folder = try ScratchFolder("conformance")
        let data = sample == .cephfs ? try await CephFSRig.running().folder() : folder.file("data")
        self.data = data
        func shell(_ script: String) -> JSONValue { ["/bin/sh", "-c", .string(script)] }
        server = sample == .postgresql ? try await PostgreSQLServerRig.start() : nil
        mount =
            switch sample {
            case .filesystem: try await LoopMount("ext4", at: data)
            case .btrfs: try await LoopMount("btrfs", at: data)
            default: nil
            }
        image = sample == .cephRBD ? try await ScratchImage(size: 6 << 20) : nil
        objects = sample == .cephRados ? try await ScratchPool() : nil
        pool = sample == .zfs ? try await ZFSPoolRig(at: data) : nil
        switch sample {
        case .directory, .filesystem, .btrfs, .zfs, .sqliteFolder, .cephfs:
            let snapshots: [String: JSONValue] = sample == .directory ? ["staging": "64MiB", "method": "copy"] : [:]
            let place: [String: JSONValue] = pool.map { ["dataset": .string($0.name)] } ?? ["path": .string(data)]
            settings =
                sample == .sqliteFolder
                ? ["folder": .string(data)] : snapshots.merging(place) { $1 }.merging(["excludes": ["lost+found"]]) { $1 }
            content = ["a": "first", "b/deep/c": String(repeating: "second\n", count: 30_000), "empty": "", "z é": "third"]
        case .command:
            let (frozen, target) = (folder.file("frozen"), folder.file("target"))
            settings = [
                "source": ["/bin/cat", .string(data + "/a")],
                "destination": shell("test \"$SNAPPY_FLOW_OVERWRITE\" = 1 || test ! -e '\(target)' || exit 9; cat > '\(target)'"),
                "quiesce": shell("echo cold > '\(frozen)'; echo label"), "thaw": shell("rm -f '\(frozen)'"), "check": ["/bin/true"],
            ]
            content = ["stdout": "first"]
        case .blockdevice:
            settings = ["path": .string(data + "/a"), "staging": "1MiB", "snapshotFolder": .string(folder.file("kept"))]
            content = [:]
        case .imageFolder:
            settings = ["folder": .string(data), "image": "a", "copy": true]
            content = [:]
        case .cephRBD:
            settings = image?.settings ?? [:]
            content = [:]
        case .cephRados:
            settings = objects?.settings ?? [:]
            content = [ScratchPool.path("a").description: "first"]
        case .postgresql:
            settings = ["host": .string(server?.socketFolder ?? "")]
            content = ["postgres.dump": nil, "globals.sql": nil]
        }
        for (path, text) in mount != nil || pool != nil || sample == .directory || sample == .cephfs || sample == .sqliteFolder
            ? content : ["a": "first"]
        {
            try write("data/" + path, text ?? "")
        }
        try FileManager.default.createDirectory(atPath: folder.file("scratch"), withIntermediateDirectories: true)
    }

    /// The system that is read.
    func open<Kind>(as kind: Kind.Type) async throws -> Kind { try await open(settings, as: kind) }

    /// Reads it on a thread of its own, as a copy does: a reader blocks, and two that do so on the cooperative pool hold up what they wait for.
    func read<Value: Sendable>(
        of snapshot: SystemSnapshot? = nil, _ body: @escaping @Sendable (any TreeReader) throws -> Value
    ) async throws -> Value {
        try await open(as: (any TreeSource).self).withTree(of: snapshot, context) { reader in
            try await BlockingPool(label: "reading", width: 1).run { try body(reader) }
        }
    }

    /// The system that is restored to.
    func openTarget() async throws -> any TreeDestination {
        var settings = settings
        if sample == .directory || sample == .btrfs { settings["path"] = .string(folder.file("target")) }
        if sample == .sqliteFolder { settings["folder"] = .string(folder.file("target")) }
        if sample == .postgresql { settings.merge(["method": "base", "dataFolder": .string(folder.file("target"))]) { $1 } }
        return try await open(settings, as: (any TreeDestination).self)
    }

    private func open<Kind>(_ settings: [String: JSONValue], as kind: Kind.Type) async throws -> Kind {
        guard let type = Catalog.hosted.system(sample.rawValue) else { throw StageError(text: "no type \(sample)") }
        let system: any System = try await type.open(Settings(settings, origin: "system sample"), opening)
        guard let capable = system as? Kind else { throw StageError(text: "\(sample) is no \(kind)") }
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

    /// The one file that the destination suite writes.
    var restoredFile: TreePath {
        switch sample {
        case .postgresql: TreePath("data/restored")
        case .cephRados: ScratchPool.path("inner/restored")
        default: TreePath("inner/restored")
        }
    }

    /// What arrived of it; nil for nothing.
    var received: [UInt8]? {
        if let objects { return try? objects.get("inner/restored") }
        let path =
            switch sample {
            case .filesystem, .zfs, .cephfs: data + "/inner/restored"
            case .directory, .blockdevice, .btrfs, .sqliteFolder: folder.file("target/inner/restored")
            case .command: folder.file("target")
            case .postgresql: folder.file("target/restored")
            case .cephRBD, .cephRados, .imageFolder: folder.file("nothing")  // no files
            }
        return FileManager.default.contents(atPath: path).map(Array.init)
    }

    var isFrozen: Bool {
        get async throws {
            if sample == .filesystem, let mount { return try await mount.isFrozen }
            if sample == .imageFolder { return FileManager.default.fileExists(atPath: folder.file("data/a.frozen")) }
            guard let server else { return FileManager.default.fileExists(atPath: folder.file("frozen")) }
            return try await server.value(
                "SELECT 'yes' AS value FROM pg_stat_activity WHERE application_name = 'snappy-flow k' AND state = 'idle'") != nil
        }
    }

    /// A server ends a session that was closed when it gets to it.
    func untilAlive() async throws { try await eventually("\(sample) goes on", every: .milliseconds(50)) { try await !isFrozen } }

    func write(_ name: String, _ text: String) throws {
        if let objects { return try objects.put(String(name.dropFirst("data/".count)), Array(text.utf8)) }
        if let image { return try image.write(Array(text.utf8), at: 0) }
        let path = name.hasPrefix("data/") ? data + "/" + name.dropFirst(5) : folder.file(name)
        try FileManager.default.createDirectory(
            atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }
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
