import Crypto
import Basics
import Foundation
import HTTPClient
import StorageKit
import Synchronization

/// A repository in a bucket, laid out as restic does it.
final class S3Store: PacedStore {
    let connection: S3Connection
    private let storageClass: String?
    private let encryption: S3Encryption?
    private let lock: S3ObjectLock?
    private let partBytes: Int
    private let learned = Mutex(Learned())

    /// What the server showed of itself.
    private struct Learned {
        /// Whether it refuses to replace what is there; nil while nobody has tried.
        var createsOnly: Bool?
        /// It does not know the condition at all.
        var ignoresConditions = false
        /// The protections that were asked for were found on what was stored.
        var isProtecting = false
        /// Whether the bucket locks objects, whatever was declared; nil while nobody has asked.
        var bucketLocks: Bool?
    }

    init(connection: S3Connection, storageClass: String?, encryption: S3Encryption?, lock: S3ObjectLock?, partBytes: Int) {
        self.connection = connection
        self.storageClass = storageClass
        self.encryption = encryption
        self.lock = lock
        self.partBytes = partBytes
    }

    private var place: S3Place { connection.place }

    var properties: ObjectStoreProperties {
        ObjectStoreProperties(
            connections: connection.connection.width, createOnlyIsAtomic: learned.withLock { $0.createsOnly } ?? false, location: place.text
        )
    }

    // MARK: the bucket

    func pace(by limit: BandwidthLimit) { connection.connection.pace(by: limit) }

    func create() async throws {
        let answer = try await connection.send("HEAD", key: nil)
        switch answer.status {
        case 200: break
        case 404: try await makeBucket()
        default: throw connection.error(answer, expected: "a bucket that may be used", key: nil)
        }
        try await requireLock()
        if lock == nil { try await learnWhetherItReplaces() }
    }

    private func makeBucket() async throws {
        let region = connection.signature.region
        let constraint =
            region == "us-east-1" || !place.host.hasSuffix(".amazonaws.com")
            ? nil : "<CreateBucketConfiguration><LocationConstraint>\(region)</LocationConstraint></CreateBucketConfiguration>"
        let answer = try await connection.send(
            "PUT", key: nil, headers: lock == nil ? [] : [("x-amz-bucket-object-lock-enabled", "true")],
            body: Array((constraint ?? "").utf8))
        // Another worker may have been first.
        if answer.status == 409, try await connection.send("HEAD", key: nil).status == 200 { return }
        guard answer.isSuccess else { throw connection.error(answer, expected: "a bucket that can be made", key: nil) }
    }

    /// A server may take the bucket's lock and forget it (OpenStack Swift's S3 layer does).
    private func requireLock() async throws {
        guard lock != nil else { return }
        let answer = try await connection.send("GET", key: nil, query: [("object-lock", "")])
        guard answer.status == 200, S3Document(answer.body)?["ObjectLockEnabled"] == "Enabled" else {
            throw StorageError(
                .unsupported, expected: "a bucket whose objects can be locked", found: "one without object lock", at: place.text,
                advice:
                    "object lock can be had only when a bucket is made, by a server that knows it: name a new bucket, or leave `objectLock` out"
            )
        }
    }

    /// Asked once, when a repository is made: an object is stored twice under a name that nobody else has.
    private func learnWhetherItReplaces() async throws {
        let name = ObjectName("locks/probe-\(UInt64.random(in: .min ... .max))")
        try await put(name, [1])
        do {
            try await put(name, [2])
            learned.withLock { $0.createsOnly = false }
        } catch let error as StorageError where error.kind == .exists {
            learned.withLock { $0.createsOnly = true }
        }
        try await delete(name)
    }

    // MARK: writing

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        let headers = headers(of: name)
        if bytes.count > 2 * partBytes {
            try await S3Upload(connection: connection, key: place.key(name.text), headers: headers, partBytes: partBytes).send(bytes)
        } else {
            try await store(name, bytes, headers)
        }
        try await requireProtection(of: name)
    }

    private func headers(of name: ObjectName) -> [(name: String, value: String)] {
        var headers = encryption?.headers ?? []
        if let storageClass, name.text.hasPrefix("data/") { headers.append(("x-amz-storage-class", storageClass)) }
        if let lock, isLocked(name) { headers += lock.headers(now: .now) }
        return headers
    }

    /// A repository's own locks come and go.
    private func isLocked(_ name: ObjectName) -> Bool { lock != nil && !name.text.hasPrefix("locks/") }

    private func store(_ name: ObjectName, _ bytes: [UInt8], _ headers: [(name: String, value: String)]) async throws {
        let key = place.key(name.text)
        // Most objects are named as the hash of what they hold: the server compares what arrives with it.
        let named = SHA256Digest(hex: String(name.text.split(separator: "/").last ?? ""))
        let digest = named ?? SHA256.digest(bytes)
        var sent = headers + [("x-amz-checksum-sha256", Data(digest.bytes).base64EncodedString())]
        let isConditional = !learned.withLock { $0.ignoresConditions }
        if isConditional { sent.append(("If-None-Match", "*")) }
        let answer = try await connection.send("PUT", key: key, headers: sent, body: bytes, hash: digest.hex)
        if answer.isSuccess { return }
        if answer.status == 412 {
            learned.withLock { $0.createsOnly = true }
            throw StorageError(
                .exists, expected: "a new object", found: "one that is there already", at: "\(place.text) \(key)", retry: .lostRace)
        }
        let error = connection.error(answer, expected: "the object to be stored", key: key)
        guard isConditional, answer.status == 501 || error.kind == .unsupported else { throw error }
        learned.withLock { $0.ignoresConditions = true }
        try await store(name, bytes, headers)
    }

    /// That a server took the headers proves nothing: the first object is looked at.
    private func requireProtection(of name: ObjectName) async throws {
        guard encryption != nil || isLocked(name), !learned.withLock({ $0.isProtecting }) else { return }
        let key = place.key(name.text)
        let answer = try await connection.ask("HEAD", key: key, expected: "the object that was stored")
        func refusal(_ expected: String, _ found: String, _ setting: String) -> StorageError {
            StorageError(
                .unsupported, expected: expected, found: found, at: "\(place.text) \(key)",
                advice: "this server took the request and did not do it; leave `\(setting)` out, or use another server")
        }
        if let encryption, answer.header(S3Encryption.header)?.lowercased() != encryption.algorithm.lowercased() {
            throw refusal(
                "an object encrypted by \(encryption.algorithm)", answer.header(S3Encryption.header) ?? "one that is not", "encryption")
        }
        if isLocked(name) {
            guard let until = answer.header(S3ObjectLock.untilHeader) else {
                throw refusal("a locked object", "one that is not", "objectLock")
            }
            let mode = answer.header(S3ObjectLock.modeHeader)
            guard let lock, mode == lock.mode.header, let date = S3ObjectLock.date(until), lock.reaches(date, now: .now) else {
                throw refusal(
                    "an object locked in mode \(lock?.mode.header ?? "") for \(lock.map { "\($0.retain)" } ?? "")",
                    "one locked in mode \(mode ?? "none") until \(until)", "objectLock")
            }
            learned.withLock { $0.isProtecting = true }
        } else if lock == nil {
            learned.withLock { $0.isProtecting = true }
        }
    }

    // MARK: reading

    func get(_ name: ObjectName) async throws -> [UInt8] {
        try await connection.ask("GET", key: place.key(name.text), expected: "an object").body
    }

    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let (key, part) = (place.key(name.text), RangedAnswer(range: range))
        let answer = try await connection.ask(
            "GET", key: key, headers: [part.header], statuses: [200, 206], expected: "part of an object")
        return try part.bytes(answer, at: "\(place.text) \(key)")
    }

    func stat(_ name: ObjectName) async throws -> ObjectInfo? {
        let key = place.key(name.text)
        let answer = try await connection.send("HEAD", key: key)
        if answer.status == 404 { return nil }
        guard answer.status == 200, let size = answer.header("Content-Length").flatMap({ Int64($0) }) else {
            throw connection.error(answer, expected: "an object's size", key: key)
        }
        return ObjectInfo(name: name, size: size)
    }

    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        var token: String?
        repeat {
            var query = [("list-type", "2"), ("prefix", place.key(prefix))]
            if let token { query.append(("continuation-token", token)) }
            let answer = try await connection.ask("GET", key: nil, query: query, expected: "a list of objects")
            guard let document = S3Document(answer.body) else { throw unreadable("a list of objects") }
            var found: [ObjectInfo] = []
            for entry in document.all("Contents") {
                guard let name = entry["Key"].flatMap({ place.name(ofKey: $0) }), let size = entry["Size"].flatMap({ Int64($0) }) else {
                    continue
                }
                found.append(ObjectInfo(name: ObjectName(name), size: size))
            }
            if !found.isEmpty { try await page(found) }
            token = document["IsTruncated"] == "true" ? document["NextContinuationToken"] : nil
            // A list that says it goes on but not where would be taken for whole.
            if document["IsTruncated"] == "true", token?.isEmpty ?? true { throw unreadable("where the list goes on") }
        } while token != nil
    }

    private func unreadable(_ expected: String) -> StorageError {
        StorageError(
            .invalid, expected: expected, found: "something else", at: place.text, advice: "check that the endpoint is an S3 server's",
            retry: .transient)
    }

    // MARK: removing

    /// Also where it was not declared: whoever made the bucket so meant it. Who may not ask is answered as before there were locks.
    private func bucketLocks() async throws -> Bool {
        if lock != nil { return true }
        if let known = learned.withLock({ $0.bucketLocks }) { return known }
        let answer = try await connection.send("GET", key: nil, query: [("object-lock", "")])
        if answer.isWorthRetrying { throw connection.error(answer, expected: "whether the bucket locks objects", key: nil) }
        let found = answer.status == 200 && S3Document(answer.body)?["ObjectLockEnabled"] == "Enabled"
        learned.withLock { $0.bucketLocks = found }
        return found
    }

    func delete(_ name: ObjectName) async throws {
        let key = place.key(name.text)
        guard try await bucketLocks() else {
            _ = try await connection.ask("DELETE", key: key, statuses: [200, 204, 404], expected: "the object to be removed")
            return
        }
        // In a bucket with locks a plain removal only hides an object, locked or not, and gives back no space.
        let answer = try await connection.send("HEAD", key: key)
        if answer.status == 404 { return }
        guard answer.status == 200 else { throw connection.error(answer, expected: "an object that can be removed", key: key) }
        if let text = answer.header(S3ObjectLock.untilHeader),
            let until = S3ObjectLock.date(text), until > .now
        {
            throw StorageError(
                .retained, expected: "an object whose time is over", found: "one that is locked until \(text)", at: "\(place.text) \(key)",
                advice: "it goes with a prune after that time")
        }
        let version = answer.header("x-amz-version-id").map { [("versionId", $0)] } ?? []
        _ = try await connection.ask("DELETE", key: key, query: version, statuses: [200, 204, 404], expected: "the object to be removed")
    }

    func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await S3Leftovers(connection: connection).abandoned(olderThan: age, removing: true)
    }

    func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await S3Leftovers(connection: connection).abandoned(olderThan: age, removing: false)
    }
}
