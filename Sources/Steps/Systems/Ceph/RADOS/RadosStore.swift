import Basics
import FlowModel
import StepKit
import StorageKit
import Synchronization
import Threads

/// A repository in a pool. An object has the name that restic gives it; of a large one the pieces after the first have that name with `#1`, `#2`
/// behind it. They are stored before it, and removed after it: an object is there with its first piece, and then it is whole.
final class RadosStore: ObjectStore {
    /// OSDs refuse objects above 128 MiB and are slow with large ones.
    static let pieceBytes = 16 << 20

    let properties: ObjectStoreProperties
    private let settings: CephCluster.Settings
    private let pool: String
    private let namespace: String
    private let threads: BlockingPool
    private let connected = Mutex<CephPool?>(nil)

    init(cluster: CephCluster.Settings, pool: String, namespace: String, connections: Int, location: String) {
        settings = cluster
        self.pool = pool
        self.namespace = namespace
        threads = BlockingPool(label: "rados", width: connections)
        properties = ObjectStoreProperties(connections: connections, createOnlyIsAtomic: true, location: location)
    }

    /// The connection, made by the first who needs it.
    private func withPool<Value: Sendable>(
        making: Bool = false, _ body: @escaping @Sendable (CephPool) throws -> Value
    ) async throws -> Value {
        let working = StillWorking.current
        return try await threads.run { [self] in
            let open = try connected.withLock { known in
                if let known { return known }
                let made = try connect(making)
                known = made
                return made
            }
            return try StillWorking.$current.withValue(working) { try body(open) }
        }
    }

    private func connect(_ making: Bool) throws(StorageError) -> CephPool {
        let cluster = try CephCluster(settings)
        if making { try cluster.makePool(pool) }
        return try CephPool(cluster, pool: pool, namespace: namespace)
    }

    func create() async throws { try await withPool(making: true) { _ in } }

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        try await withPool { pool in
            // Nothing is stored for an object that is there: a second writer would overwrite its pieces with the same bytes, but why.
            guard try pool.size(name.text) == nil else { throw Self.exists(name, pool) }
            let pieces = Pieces(size: Int64(bytes.count))
            try bytes.withUnsafeBytes { bytes in
                for piece in (1..<max(pieces.count, 1)).reversed() {
                    try pool.write(
                        pieces.name(piece, of: name), UnsafeRawBufferPointer(rebasing: bytes[pieces.range(piece)]), size: nil)
                    StillWorking.current?.say()
                }
                let first = UnsafeRawBufferPointer(rebasing: bytes[pieces.range(0)])
                guard try pool.write(name.text, first, size: Int64(bytes.count)) else { throw Self.exists(name, pool) }
            }
        }
    }

    private static func exists(_ name: ObjectName, _ pool: CephPool) -> StorageError {
        StorageError(
            .exists, expected: "a new object", found: "one that is there already", at: "\(pool.name)/\(name)", retry: .lostRace)
    }

    func get(_ name: ObjectName) async throws -> [UInt8] {
        try await withPool { pool in
            guard let size = try pool.size(name.text) else { throw Self.missing(name, pool) }
            return try Self.read(name, 0..<size, size, pool)
        }
    }

    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        return try await withPool { pool in
            guard let size = try pool.size(name.text) else { throw Self.missing(name, pool) }
            guard range.upperBound <= size else {
                throw StorageError(
                    .truncated, expected: "at least \(range.upperBound.counted("byte"))", found: size.counted("byte"),
                    at: "\(pool.name)/\(name)",
                    advice: "the object was cut short; run a check")
            }
            return try Self.read(name, range, size, pool)
        }
    }

    private static func missing(_ name: ObjectName, _ pool: CephPool) -> StorageError {
        StorageError(
            .notFound, expected: "an object", found: "none", at: "\(pool.name)/\(name)",
            advice: "check pool and namespace; create the repository first")
    }

    private static func read(_ name: ObjectName, _ range: Range<Int64>, _ size: Int64, _ pool: CephPool) throws -> [UInt8] {
        let pieces = Pieces(size: size)
        var bytes = [UInt8](repeating: 0, count: range.count)
        try bytes.withUnsafeMutableBytes { bytes in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let (piece, within) = pieces.place(of: offset)
                let count = min(Int(range.upperBound - offset), pieces.range(piece).count - Int(within))
                let start = Int(offset - range.lowerBound)
                try pool.read(
                    pieces.name(piece, of: name), into: UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + count]),
                    at: within)
                StillWorking.current?.say()
                offset += Int64(count)
            }
        }
        return bytes
    }

    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        let names = try await withPool { try $0.names().filter { $0.hasPrefix(prefix) && !$0.contains("#") } }
        // A list of objects tells no sizes: each is asked for.
        let lanes = properties.connections
        for batch in stride(from: 0, to: names.count, by: 1024) {
            let part = Array(names[batch..<min(batch + 1024, names.count)])
            let found = try await withThrowingTaskGroup(of: [ObjectInfo].self) { group in
                for lane in 0..<lanes {
                    group.addTask { [self] in
                        try await withPool { pool in
                            try stride(from: lane, to: part.count, by: lanes).compactMap { index in
                                try pool.size(part[index]).map { ObjectInfo(name: ObjectName(part[index]), size: $0) }
                            }
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            if !found.isEmpty { try await page(found) }
        }
    }

    func stat(_ name: ObjectName) async throws -> ObjectInfo? {
        try await withPool { try $0.size(name.text).map { ObjectInfo(name: name, size: $0) } }
    }

    func delete(_ name: ObjectName) async throws {
        try await withPool { pool in
            guard let size = try pool.size(name.text) else { return }
            try pool.remove(name.text)
            let pieces = Pieces(size: size)
            for piece in 1..<max(pieces.count, 1) { try pool.remove(pieces.name(piece, of: name)) }
        }
    }

    func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await withPool { try RadosLeftovers(pool: $0).pieces(olderThan: age, removing: true) }
    }

    func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await withPool { try RadosLeftovers(pool: $0).pieces(olderThan: age, removing: false) }
    }
}

/// How an object is cut. A pure value.
struct Pieces: Sendable, Hashable {
    let size: Int64

    var count: Int { max(Int((size + Int64(RadosStore.pieceBytes) - 1) / Int64(RadosStore.pieceBytes)), 1) }

    func name(_ piece: Int, of name: ObjectName) -> String { piece == 0 ? name.text : "\(name.text)#\(piece)" }

    func range(_ piece: Int) -> Range<Int> {
        piece * RadosStore.pieceBytes..<min((piece + 1) * RadosStore.pieceBytes, Int(size))
    }

    func place(of offset: Int64) -> (piece: Int, within: Int64) {
        (Int(offset / Int64(RadosStore.pieceBytes)), offset % Int64(RadosStore.pieceBytes))
    }
}
