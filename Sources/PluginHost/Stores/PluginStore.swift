import Basics
import StorageKit

/// An object store in a process of its own.
struct PluginStore: ObjectStore {
    let session: PluginSession
    let properties: ObjectStoreProperties

    func create() async throws { try await session.run { _ = try $0.call("store.create") } }

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        try await session.run { process in
            try bytes.withUnsafeBytes { _ = try process.call("store.put", ["name": .string(name.text)], sending: $0) }
        }
    }

    func get(_ name: ObjectName) async throws -> [UInt8] {
        try await session.run { try $0.call("store.get", ["name": .string(name.text)]).data }
    }

    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        return try await session.run { process in
            let arguments: JSONValue = [
                "name": .string(name.text), "offset": .int(range.lowerBound), "length": .int(range.upperBound - range.lowerBound),
            ]
            let data = try process.call("store.get", arguments).data
            guard data.count == range.count else {
                throw StorageError(
                    .truncated, expected: "\(range.count.counted("byte")) from \(range.lowerBound) on", found: "\(data.count)",
                    at: "\(properties.location) \(name)", advice: "the object was cut short; run a check")
            }
            return data
        }
    }

    /// All of it is one answer: a million objects are some tens of megabytes.
    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        let lines = try await session.run { try $0.call("store.list", ["prefix": .string(prefix)]).data }
        let found = lines.split(separator: UInt8(ascii: "\n")).compactMap { line -> ObjectInfo? in
            let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 1)
            guard parts.count == 2, let size = Int64(String(decoding: parts[0], as: UTF8.self)) else { return nil }
            return ObjectInfo(name: ObjectName(String(decoding: parts[1], as: UTF8.self)), size: size)
        }
        if !found.isEmpty { try await page(found) }
    }

    func stat(_ name: ObjectName) async throws -> ObjectInfo? {
        let size = try await session.run { try $0.call("store.stat", ["name": .string(name.text)]).result["size"]?.intValue }
        return size.map { ObjectInfo(name: name, size: $0) }
    }

    func delete(_ name: ObjectName) async throws { try await session.run { _ = try $0.call("store.delete", ["name": .string(name.text)]) } }

    func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects { try await unfinished("store.removeUnfinished", age) }
    func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects { try await unfinished("store.findUnfinished", age) }

    private func unfinished(_ call: String, _ age: TimeSpan) async throws -> UnfinishedObjects {
        let result = try await session.run { try $0.call(call, ["age": .string(age.description)]).result }
        return UnfinishedObjects(count: Int(result["count"]?.intValue ?? 0), bytes: result["bytes"]?.intValue ?? 0)
    }
}
