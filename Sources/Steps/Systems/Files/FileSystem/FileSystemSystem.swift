import Basics
import StepKit
import StorageKit
import Threads

/// An opened file system.
struct FileSystemSystem: System {
    /// Its files, of this file system only.
    let files: DirectorySystem
    let origin: String
}

extension FileSystemSystem: Quiescing {
    var quiesceKind: QuiesceKind { .recorded }

    func quiesce(key: String, maxHold: TimeSpan, _ context: StepContext) async throws -> [String: JSONValue] {
        try context.refuseFreezing(fileSystemOf: files.path)
        let path = files.path
        let own = context.neverFreeze
        return try await BlockingPool(label: "freeze", width: 1).run {
            let freeze = try Freeze(of: path, key: key)
            for place in own where FileSystemIdentity(ofPath: place) == freeze.identity {
                throw StepError(
                    .invalidSetting, expected: "a file system that the engine does not need itself", found: "the one that holds \(place)",
                    at: path, advice: "keep the engine's folders (--state, --database) on another file system")
            }
            try freeze.begin()
            return ["fileSystem": .string(freeze.identity.text), "type": .string(freeze.mount.type)]
        }
    }

    func thaw(key: String, state: [String: JSONValue], _ context: StepContext) async throws -> [String: JSONValue] {
        let (recorder, path) = (context.recorder, files.path)
        try await BlockingPool(label: "thaw", width: 1).run {
            let mark = FreezeMark(key: key, path: path)
            guard let record = mark.read() else { return }  // never begun, or undone already
            if try !Freeze.end(record, mark) { recorder.log(.warning, "\(path) was not frozen any more") }
        }
        return [:]
    }
}

extension FileSystemSystem: TreeSource {
    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        _ = try MountTable.current().mount(at: files.path)  // an empty folder in the place of what is not mounted is no copy of it
        return try await files.withTree(of: nil, context, body)
    }
}

extension FileSystemSystem: TreeDestination {
    func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        _ = try MountTable.current().mount(at: files.path)
        return try await files.withTreeWriter(overwrite: overwrite, context, body)
    }
}

extension FileSystemSystem: Discovering {
    /// What is mounted and can be frozen.
    func discover(_ context: SystemContext) async throws -> [DiscoveredItem] {
        try MountTable.current().mounts.filter { $0.device != nil }.map {
            DiscoveredItem(identity: "filesystem:\($0.point)", summary: "\($0.type) on \($0.device ?? "")")
        }
    }
}
