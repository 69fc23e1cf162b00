public import Basics

/// Named immutable objects: what a repository is stored on. Names are `config`, `keys/<id>`, `data/ab/<id>`: relative, `/` between parts.
///
/// An implementation does not retry, limit, log or meter: wrappers of this protocol do.
/// Every error is a `StorageError`, whose `retry` says whether a repetition helps.
public protocol ObjectStore: Sendable {
    var properties: ObjectStoreProperties { get }

    /// Makes the store's container (folder, bucket). Idempotent.
    func create() async throws

    /// Stores an object whole, durably, or not at all. Refuses (`StorageError.kind == .exists`) to overwrite where the
    /// server can tell; where it can't, the caller has asked `stat` first.
    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws

    /// Reads a whole object. `.notFound` when there is none.
    func get(_ name: ObjectName) async throws -> [UInt8]

    /// Reads `range` of an object. A range that reaches past the end is `.truncated`.
    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8]

    /// The objects directly or deeper under a prefix that ends with `/`, in pages, in no order. A missing prefix is empty.
    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws

    /// Size of an object, nil when there is none.
    func stat(_ name: ObjectName) async throws -> ObjectInfo?

    /// Removes an object. Removing what is not there succeeds. `.retained` when its time is not over.
    func delete(_ name: ObjectName) async throws

    /// Removes what writers that died left half made where no list shows it: parts of uploads, pieces, temporary files. Only a repository's, and
    /// only what nobody has touched for `age` by the server's clock: what is younger may be a living writer's. Safe beside those.
    func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects

    /// What `removeUnfinished` would remove now. Changes nothing.
    func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects

    /// Where to look, in this order, for an object that may be damaged in one place: itself, and the stores below it where it is several.
    var copies: [any ObjectStore] { get }
}

extension ObjectStore {
    public var copies: [any ObjectStore] { [self] }

    /// For stores in which nothing half made can be.
    public func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects { UnfinishedObjects() }

    /// For stores in which nothing half made can be.
    public func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects { UnfinishedObjects() }
}

/// What an object store can promise.
public struct ObjectStoreProperties: Sendable, Hashable {
    /// How many requests in flight serve it best.
    public var connections: Int
    /// True when `put` never replaces an object that exists, even against a concurrent writer.
    public var createOnlyIsAtomic: Bool
    /// Where it is, for people: no secret in it.
    public var location: String
    /// True when objects can't be removed for a time after they were stored (`ErrorKind.retained`).
    public var retainsObjects: Bool
    /// True when `put` returns only after the store itself has proved what arrived, by a checksum or a transaction; else somebody looks at its size.
    public var provesUploads: Bool
    /// False where a request waits for nothing but a disk of this machine.
    public var isRemote: Bool

    public init(
        connections: Int, createOnlyIsAtomic: Bool, location: String, retainsObjects: Bool = false, provesUploads: Bool = true,
        isRemote: Bool = true
    ) {
        self.isRemote = isRemote
        self.provesUploads = provesUploads
        self.retainsObjects = retainsObjects
        self.connections = connections
        self.createOnlyIsAtomic = createOnlyIsAtomic
        self.location = location
    }
}

/// A relative object name: parts of printable ASCII joined by `/`.
public struct ObjectName: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    public var text: String
    public init(_ text: String) { self.text = text }
    public init(stringLiteral value: String) { text = value }
    public var description: String { text }
}

public struct ObjectInfo: Sendable, Hashable {
    public var name: ObjectName
    /// Bytes.
    public var size: Int64
    public init(name: ObjectName, size: Int64) {
        self.name = name
        self.size = size
    }
}
