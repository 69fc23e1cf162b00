import Basics
import StorageKit
import Synchronization
import Threads

/// A repository in a folder of a server that is reached by ssh, laid out as restic does it.
final class SFTPStore: ObjectStore {
    let properties: ObjectStoreProperties
    private let command: SFTPCommand
    /// Without `/` at its end.
    private let path: String
    private let threads: BlockingPool
    private let idle = Mutex<[SFTPSession]>([])

    private static let folders = ["data", "index", "keys", "locks", "snapshots"]
    /// What is being written has a name that nobody takes for an object.
    private static let unfinished = "-tmp-"

    init(command: SFTPCommand, path: String, connections: Int, location: String) {
        self.command = command
        self.path = path
        threads = BlockingPool(label: "sftp", width: connections)
        properties = ObjectStoreProperties(
            connections: connections, createOnlyIsAtomic: true, location: location, provesUploads: false)
    }

    /// A conversation that nobody else uses, kept for the next.
    private func withSession<Value: Sendable>(_ body: @escaping @Sendable (SFTPSession) throws -> Value) async throws -> Value {
        try await threads.run { [self] in
            let session = try idle.withLock { $0.popLast() } ?? command.connect(properties.location)
            defer { if !session.isBroken { idle.withLock { $0.append(session) } } }
            return try body(session)
        }
    }

    private func file(_ name: ObjectName) -> String { "\(path)/\(name.text)" }
    private func folder(_ file: String) -> String { String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)]) }

    func create() async throws {
        try await withSession { [path] session in for folder in Self.folders { try session.makeFolder("\(path)/\(folder)") } }
    }

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        try await withSession { [self] session in
            let file = file(name)
            let temporary = "\(file)\(Self.unfinished)\(UInt64.random(in: .min ... .max))"
            do { try session.write(temporary, bytes) } catch let error as StorageError where error.kind == .notFound {
                try session.makeFolder(folder(file))
                try session.write(temporary, bytes)
            }
            guard try session.rename(temporary, to: file) else {
                try session.remove(temporary)
                throw StorageError(
                    .exists, expected: "a new object", found: "one that is there already", at: "\(properties.location) \(name)",
                    retry: .lostRace)
            }
        }
    }

    func get(_ name: ObjectName) async throws -> [UInt8] { try await withSession { [self] in try $0.read(file(name), nil) } }

    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        return try await withSession { [self] in try $0.read(file(name), range) }
    }

    func stat(_ name: ObjectName) async throws -> ObjectInfo? {
        try await withSession { [self] in try $0.attributes(file(name))?.size.map { ObjectInfo(name: name, size: $0) } }
    }

    func delete(_ name: ObjectName) async throws { try await withSession { [self] in try $0.remove(file(name)) } }

    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        var pending = [prefix]
        while let next = pending.popLast() {
            let entries = try await withSession { [path] session in try session.list("\(path)/\(next)".trimmingSlashes) }
            pending += entries.filter(\.attributes.isFolder).map { "\(next)\($0.name)/" }
            let found = entries.compactMap { entry -> ObjectInfo? in
                guard entry.attributes.isFile, let size = entry.attributes.size, !entry.name.contains(Self.unfinished) else { return nil }
                return ObjectInfo(name: ObjectName(next + entry.name), size: size)
            }
            if !found.isEmpty { try await page(found) }
        }
    }

    func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await unfinished(olderThan: age, removing: true)
    }
    func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects { try await unfinished(olderThan: age, removing: false) }

    private func unfinished(olderThan age: TimeSpan, removing: Bool) async throws -> UnfinishedObjects {
        var pending = Self.folders.map { $0 + "/" }
        var candidates: [(name: String, attributes: SFTPAttributes)] = []
        while let next = pending.popLast() {
            let entries = try await withSession { [path] session in try session.list("\(path)/\(next)".trimmingSlashes) }
            pending += entries.filter(\.attributes.isFolder).map { "\(next)\($0.name)/" }
            for entry in entries where entry.attributes.isFile {
                let name = next + entry.name
                guard let mark = name.firstRange(of: Self.unfinished), ObjectName(String(name[..<mark.lowerBound])).isOfARepository else {
                    continue
                }
                candidates.append((name, entry.attributes))
            }
        }
        guard !candidates.isEmpty else { return UnfinishedObjects() }
        return try await withSession { [self, candidates] session in
            let limit = try now(session) - age.milliseconds / 1000
            var found = UnfinishedObjects()
            for (name, attributes) in candidates where attributes.modified.map({ $0 <= limit }) ?? false {
                if removing { try session.remove("\(path)/\(name)") }
                found += UnfinishedObjects(count: 1, bytes: attributes.size ?? 0)
            }
            return found
        }
    }

    /// Seconds since 1970 by the server's clock: those of a file that is made.
    private func now(_ session: SFTPSession) throws -> Int64 {
        let probe = "\(path)/locks/clock\(Self.unfinished)\(UInt64.random(in: .min ... .max))"
        try session.write(probe, [])
        let found = try session.attributes(probe)?.modified
        try session.remove(probe)
        guard let found else {
            throw StorageError(
                .unsupported, expected: "a server that says when a file was written", found: "one that does not", at: properties.location,
                advice: "remove files with \(Self.unfinished) in their names there by hand, when nothing runs")
        }
        return found
    }
}

extension String {
    /// Without `/` at its end.
    fileprivate var trimmingSlashes: String {
        var text = self
        while text.count > 1, text.hasSuffix("/") { text.removeLast() }
        return text
    }
}
