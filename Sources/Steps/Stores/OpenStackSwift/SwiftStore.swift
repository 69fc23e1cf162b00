import Crypto
import Basics
import HTTPClient
import StorageKit
import Synchronization

/// A repository in a container, laid out as restic does it.
///
/// Whoever comes second may replace what the first has stored: OpenStack Swift's `If-None-Match` is no lock (of 16 at once several
/// are told that they were first), and Ceph's gateway does not know it.
final class SwiftStore: PacedStore {
    let container: SwiftContainer
    private let segments: SwiftContainer
    private let segmentBytes: Int
    private let policy: String?
    private let learned = Mutex(Learned())

    private struct Learned {
        /// Whether a container for segments is there; nil while nobody has looked.
        var hasSegments: Bool?
        var largestObject: Int?
    }

    /// Locks that nobody took away, of programs that died, go by themselves: long after every program calls them stale.
    private static let lockLife = TimeSpan.days(2)

    init(container: SwiftContainer, segmentBytes: Int, policy: String?) {
        self.container = container
        self.segmentBytes = segmentBytes
        self.policy = policy
        segments = SwiftContainer(
            account: container.account, name: container.name + "_segments", prefix: container.prefix, text: container.text + " (segments)")
    }

    var properties: ObjectStoreProperties {
        ObjectStoreProperties(
            connections: container.account.connection.width, createOnlyIsAtomic: false, location: container.text)
    }

    // MARK: the container

    func pace(by limit: BandwidthLimit) { container.account.connection.pace(by: limit) }

    func create() async throws { try await create(container) }

    private func create(_ container: SwiftContainer) async throws {
        let answer = try await container.ask("HEAD", key: nil, statuses: [200, 204, 404], expected: "a container that may be used")
        if answer.status == 404 {
            try await container.ask(
                "PUT", key: nil, headers: policy.map { [("X-Storage-Policy", $0)] } ?? [], statuses: [201, 202],
                expected: "a container that can be made" + (policy.map { ", with storage policy \($0)" } ?? ""))
        } else if let policy, let found = answer.header("X-Storage-Policy"), found != policy {
            throw StorageError(
                .unsupported, expected: "a container with storage policy \(policy)", found: "one with \(found)", at: container.text,
                advice: "a container keeps the policy that it was made with: name a new one, or declare `storagePolicy: \(found)`")
        }
    }

    // MARK: writing

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        let key = container.key(name.text)
        let limit = try await wholeBytes(bytes.count)
        if bytes.count > limit {
            guard try await stat(name) == nil else { throw existing(key) }
            try await create(segments)
            learned.withLock { $0.hasSegments = true }
            return try await LargeObject(container: container, segments: segments, key: key).store(bytes, segmentBytes: limit)
        }
        var headers = [("ETag", MD5.hex(bytes)), ("If-None-Match", "*")]
        if name.text.hasPrefix("locks/") { headers.append(("X-Delete-After", "\(Self.lockLife.milliseconds / 1000)")) }
        let answer = try await container.send("PUT", key: key, headers: headers, body: bytes)
        if answer.status == 412 { throw existing(key) }
        guard answer.isSuccess else { throw container.error(answer, expected: "the object to be stored", key: key) }
    }

    /// Up to how many bytes are stored as one object; the server is asked once, when somebody comes with many.
    private func wholeBytes(_ count: Int) async throws -> Int {
        guard count > 5 << 20 else { return segmentBytes }
        if let known = learned.withLock({ $0.largestObject }) { return min(known, segmentBytes) }
        let largest = try await container.account.largestObject() ?? .max
        learned.withLock { $0.largestObject = largest }
        return min(largest, segmentBytes)
    }

    private func existing(_ key: String) -> StorageError {
        StorageError(
            .exists, expected: "a new object", found: "one that is there already", at: container.location(key), retry: .lostRace)
    }

    private func hasSegments() async throws -> Bool {
        if let known = learned.withLock({ $0.hasSegments }) { return known }
        // Who may not look has put nothing there. Any other answer says nothing, and must not be remembered.
        let status = try await segments.ask(
            "HEAD", key: nil, statuses: [200, 204, 403, 404], expected: "whether there are segments"
        ).status
        let found = status == 200 || status == 204
        learned.withLock { $0.hasSegments = found }
        return found
    }

    // MARK: reading

    func get(_ name: ObjectName) async throws -> [UInt8] {
        try await read(container.key(name.text), [], [200], "an object").body
    }

    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let (key, part) = (container.key(name.text), RangedAnswer(range: range))
        let answer = try await read(key, [part.header], [200, 206], "part of an object")
        return try part.bytes(answer, at: container.location(key))
    }

    private func read(_ key: String, _ headers: [(name: String, value: String)], _ statuses: Set<Int>, _ expected: String) async throws
        -> HTTPAnswer
    {
        let answer = try await container.send("GET", key: key, headers: headers)
        guard answer.status != 409 else {
            throw StorageError(
                .truncated, expected: expected, found: "a manifest whose segments are not all there (status 409)",
                at: container.location(key),
                advice: "run a check; what is missing must come from another copy of the repository")
        }
        guard statuses.contains(answer.status) else { throw container.error(answer, expected: expected, key: key) }
        return answer
    }

    func stat(_ name: ObjectName) async throws -> ObjectInfo? {
        let key = container.key(name.text)
        let answer = try await container.send("HEAD", key: key)
        if answer.status == 404 { return nil }
        guard answer.isSuccess, let size = answer.header("Content-Length").flatMap({ Int64($0) }) else {
            throw container.error(answer, expected: "an object's size", key: key)
        }
        return ObjectInfo(name: name, size: size)
    }

    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        let joined = try await objectsOfSegments(container.key(prefix))
        try await container.list(prefix: container.key(prefix)) { entries in
            var found: [ObjectInfo] = []
            for entry in entries {
                guard let name = container.name(ofKey: entry.key).map({ ObjectName($0) }) else { continue }
                // Ceph's gateway lists a manifest's own size.
                if joined.contains(entry.key) {
                    if let info = try await stat(name) { found.append(info) }
                } else {
                    found.append(ObjectInfo(name: name, size: entry.size))
                }
            }
            if !found.isEmpty { try await page(found) }
        }
    }

    private func objectsOfSegments(_ prefix: String) async throws -> Set<String> {
        guard try await hasSegments() else { return [] }
        var keys: Set<String> = []
        try await segments.list(prefix: prefix, mayBeMissing: true) { entries in
            for entry in entries { keys.insert(LargeObject.key(ofSegment: entry.key)) }
        }
        return keys
    }

    // MARK: removing

    func delete(_ name: ObjectName) async throws {
        let key = container.key(name.text)
        try await container.ask("DELETE", key: key, statuses: [200, 204, 404], expected: "the object to be removed")
        guard try await hasSegments() else { return }
        try await LargeObject(container: container, segments: segments, key: key).removeSegments()
    }

    func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        guard try await hasSegments() else { return UnfinishedObjects() }
        return try await SwiftLeftovers(container: container, segments: segments).unused(olderThan: age, removing: true)
    }

    func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        guard try await hasSegments() else { return UnfinishedObjects() }
        return try await SwiftLeftovers(container: container, segments: segments).unused(olderThan: age, removing: false)
    }
}
