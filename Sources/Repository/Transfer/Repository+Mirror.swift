import Crypto
import Basics
import StorageKit
import Synchronization

/// What was done to make two stores hold the same.
public struct MirrorReport: Sendable, Hashable {
    /// Objects that were the same in both, as far as was looked.
    public var same = 0
    /// Objects that one of the stores lacked, or had damaged, and that were copied from the other.
    public var copied = 0
    public var bytes: Int64 = 0
    /// Objects that neither store has whole: their names.
    public var lost: [String] = []
}

extension Repository {
    /// Makes both stores of a mirrored repository hold the same objects: what one lacks, or has with another size, is copied from the other, proved by its
    /// name. With `readsData` every object of both is read and proved. Backups may run beside it.
    ///
    /// Throws `StorageError(.invalid)` where the two hold different repositories, and `RepositoryError(.invalid)` where there is one store only.
    public func fillMirror(readsData: Bool, progress: (@Sendable (MirrorReport) -> Void)? = nil) async throws -> MirrorReport {
        guard let mirror else {
            throw RepositoryError(
                .invalid, expected: "a repository with a mirror", found: "one store", at: location,
                advice: "name the other repository by `mirror:`")
        }
        try await mirror.create()
        return try await withLock(.shared, isolation: nil) { _ in
            try await MirrorFilling(mirror: mirror, readsData: readsData, progress: progress).run()
        }
    }
}

/// One filling. A store that gets everything anew gets its config last: before, nobody takes it for a repository.
private final class MirrorFilling: Sendable {
    private let mirror: MirroredStore
    private let readsData: Bool
    private let progress: (@Sendable (MirrorReport) -> Void)?
    private let report = Mutex(MirrorReport())

    init(mirror: MirroredStore, readsData: Bool, progress: (@Sendable (MirrorReport) -> Void)?) {
        (self.mirror, self.readsData, self.progress) = (mirror, readsData, progress)
    }

    func run() async throws -> MirrorReport {
        let one = try await MirroredStore.config(of: mirror.first)
        let other = try await MirroredStore.config(of: mirror.second)
        if let one, let other, one != other { throw MirroredStore.strangers(mirror.first, mirror.second) }
        // As a backup stores them: what refers comes after what is referred to.
        for prefix in [ObjectNames.keys, ObjectNames.data, ObjectNames.index, ObjectNames.snapshots] { try await level(prefix) }
        guard let config = one ?? other else { return report.withLock { $0 } }
        if one == nil { try await store(config, ObjectNames.config, in: mirror.first, over: nil) }
        if other == nil { try await store(config, ObjectNames.config, in: mirror.second, over: nil) }
        return report.withLock { $0 }
    }

    private func level(_ prefix: String) async throws {
        var sizes: [ObjectName: [Int64?]] = [:]
        for (index, store) in [mirror.first, mirror.second].enumerated() {
            for info in try await MirroredStore.listed(store, prefix) where ObjectNames.id(of: info.name) != nil {
                sizes[info.name, default: [nil, nil]][index] = info.size
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = sizes.map { ($0.key, $0.value) }[...]
            for _ in 0..<max(mirror.properties.connections, 1) {
                if let (name, sizes) = rest.popFirst() { group.addTask { try await self.level(name, sizes) } }
            }
            while try await group.next() != nil {
                if let (name, sizes) = rest.popFirst() { group.addTask { try await self.level(name, sizes) } }
            }
        }
    }

    private func level(_ name: ObjectName, _ sizes: [Int64?]) async throws {
        try Task.checkCancellation()
        guard readsData || sizes[0] != sizes[1] else { return note { $0.same += 1 } }
        let stores = [mirror.first, mirror.second]
        let found = [try await whole(name, in: stores[0], sizes[0]), try await whole(name, in: stores[1], sizes[1])]
        switch (found[0], found[1]) {
        case (.some, .some): note { $0.same += 1 }
        case (let bytes?, nil): try await store(bytes, name, in: stores[1], over: sizes[1])
        case (nil, let bytes?): try await store(bytes, name, in: stores[0], over: sizes[0])
        case (nil, nil):
            // A prune may have removed it meanwhile from both, or a copy not yet written it.
            let isThere = [try await stores[0].stat(name), try await stores[1].stat(name)].contains { $0 != nil }
            if isThere { note { $0.lost.append(name.text) } }
        }
    }

    /// An object that is what its name says; nil where there is none, or another.
    private func whole(_ name: ObjectName, in store: any ObjectStore, _ size: Int64?) async throws -> [UInt8]? {
        guard size != nil, let id = ObjectNames.id(of: name) else { return nil }
        do {
            let bytes = try await store.get(name)
            return SHA256.digest(bytes) == id ? bytes : nil
        } catch let error as StorageError where error.kind == .notFound || error.kind == .truncated {
            return nil
        }
    }

    private func store(_ bytes: [UInt8], _ name: ObjectName, in store: any ObjectStore, over damaged: Int64?) async throws {
        if damaged != nil { try await store.delete(name) }
        do { try await store.put(name, bytes) } catch let error as StorageError where error.kind == .exists {
            // A backup that runs beside us was first.
        }
        note {
            $0.copied += 1
            $0.bytes += Int64(bytes.count)
        }
    }

    private func note(_ change: (inout MirrorReport) -> Void) {
        let now = report.withLock { report in
            change(&report)
            return report
        }
        progress?(now)
    }
}
