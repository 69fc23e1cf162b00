public import FlowModel
public import StepKit
public import StorageKit

/// A system in a process of its own, that is an image. It has the capabilities that its type declares; the others are refused where a plan is made.
public struct PluginImageSystem: System {
    let session: PluginSession
    public let logicalPath: TreePath
    public let keepsBase: Bool
    public let quiesceKind: QuiesceKind
    public let groupPlace: String?
    /// By which another process opens the same system.
    let opening: JSONValue
}

extension PluginImageSystem: GroupSnapshotting {
    public func snapshot(key: String, with others: [GroupMember], _ context: StepContext) async throws -> [SystemSnapshot] {
        let members = try others.map { member -> JSONValue in
            guard let system = member.system as? PluginImageSystem else {
                throw StorageError(.invalid, expected: "systems of one type", found: "several", at: session.program.name)
            }
            return ["opening": system.opening, "key": .string(member.key)]
        }
        let keys = [key] + others.map(\.key)
        return try await session.run(stopping: true) { process in
            let states =
                try process.call("snapshot.group", ["key": .string(key), "members": .array(members)]).result["states"]?.arrayValue ?? []
            guard states.count == keys.count else {
                throw StorageError(
                    .invalid, expected: "\(keys.count) snapshots", found: "\(states.count)", at: process.program.name,
                    advice: "this is an error in the plug-in; tell its author")
            }
            return zip(keys, states).map { SystemSnapshot(key: $0, state: $1) }
        }
    }

    /// What is the same in all of them under `group` is the instant.
    public func areOfOneInstant(_ snapshots: [SystemSnapshot]) -> Bool {
        let instants = Set(snapshots.map { $0.state["group"] ?? .null })
        return instants.count == 1 && instants != [.null]
    }
}

extension PluginImageSystem: Quiescing {
    public func quiesce(key: String, maxHold: TimeSpan, _ context: StepContext) async throws -> [String: JSONValue] {
        try await session.run(stopping: true) {
            try $0.call("quiesce", ["key": .string(key), "maxHold": .int(maxHold.milliseconds)]).result["outputs"]?.objectValue ?? [:]
        }
    }

    public func thaw(key: String, state: [String: JSONValue], _ context: StepContext) async throws -> [String: JSONValue] {
        try await session.run {
            try $0.call("thaw", ["key": .string(key), "state": .object(state)]).result["outputs"]?.objectValue ?? [:]
        }
    }
}

extension PluginImageSystem: Snapshotting {
    public func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        try await session.run(stopping: true) {
            SystemSnapshot(key: key, state: try $0.call("snapshot", ["key": .string(key)]).result["state"] ?? .object([:]))
        }
    }

    public func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        try await session.run(stopping: true) {
            let result = try $0.call("find", ["key": .string(key)]).result
            return result.isNull ? nil : SystemSnapshot(key: key, state: result["state"] ?? .object([:]))
        }
    }

    public func release(key: String, _ context: StepContext) async throws {
        try await session.run { _ = try $0.call("release", ["key": .string(key)]) }
    }

    /// Only what is held in groups has something that may go.
    public func retire(key: String, _ context: StepContext) async throws {
        guard groupPlace != nil else { return }
        try await session.run { _ = try $0.call("retire", ["key": .string(key)]) }
    }
}

extension PluginImageSystem: ImageSource {
    public func withImage<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any ImageReader) async throws -> Result
    ) async throws -> Result {
        let reader = try await session.run(stopping: true) { process in
            try PluginImage(process, snapshot: try snapshot.map { try JSONValue(encoding: $0) } ?? .null)
        }
        do {
            let result = try await body(reader)
            try await session.run { _ in reader.close() }
            return result
        } catch {
            // What body said counts. Not stopped by a cancelled task.
            await Task { try? await session.run { _ in reader.close() } }.value
            throw error
        }
    }
}

extension PluginImageSystem: ImageDestination {
    public func withImageWriter<Result: Sendable>(
        size: Int64, overwrite: Bool, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        try await withImageWriter(["size": .int(size), "overwrite": .bool(overwrite)], body)
    }

    public func withImageWriter<Result: Sendable>(
        within part: Range<Int64>, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        try await withImageWriter(["part": [.int(part.lowerBound), .int(part.upperBound)]], body)
    }

    private func withImageWriter<Result: Sendable>(
        _ arguments: JSONValue, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        let writer = try await session.run(stopping: true) { try PluginImageWriter($0, arguments) }
        do {
            let result = try await body(writer)
            try await session.run { _ in try writer.close() }
            return result
        } catch {
            await Task { try? await session.run { _ in try writer.close() } }.value
            throw error
        }
    }
}

extension PluginImageSystem: Discovering {
    public func discover(_ context: StepContext) async throws -> [DiscoveredItem] {
        try await session.run(stopping: true) { process in
            let items = try process.call("discover").result["items"]?.arrayValue ?? []
            return items.compactMap { item in
                item["identity"]?.stringValue.map { DiscoveredItem(identity: $0, summary: item["summary"]?.stringValue ?? "") }
            }
        }
    }
}
