import Crypto
import Basics
import Foundation
import HTTPClient
import StorageKit

/// An object beyond what a server takes whole: segments in a container beside, and a manifest in their place
/// (docs.openstack.org/swift, "Static Large Objects"). Segments are `<key>/<upload>/<number>`.
struct LargeObject: Sendable {
    let container: SwiftContainer
    let segments: SwiftContainer
    let key: String

    /// Servers take at least so many in a manifest.
    static let maximumSegments = 1000

    func store(_ bytes: [UInt8], segmentBytes: Int) async throws {
        let place = container.location(key)
        let upload = UUID().uuidString.lowercased()
        // From then on a manifest may name the segments, whatever the answer was, and be stored yet: nothing of them may go.
        var mayBeNamed = false
        do {
            let starts = Array(stride(from: 0, to: bytes.count, by: segmentBytes))
            guard starts.count <= Self.maximumSegments else {
                throw StorageError(
                    .invalid, expected: "an object of at most \(Self.maximumSegments) segments", found: "\(starts.count)", at: place,
                    advice: "declare a larger `segmentSize`")
            }
            let manifest = try await withThrowingTaskGroup(of: (Int, JSONValue).self) { group in
                for (number, start) in starts.enumerated() {
                    group.addTask {
                        (
                            number,
                            try await segment(
                                bytes[start..<min(start + segmentBytes, bytes.count)], "\(key)/\(upload)/\(Self.padded(number))")
                        )
                    }
                }
                return try await group.reduce(into: [JSONValue](repeating: .null, count: starts.count)) { $0[$1.0] = $1.1 }
            }
            mayBeNamed = true
            try await container.ask(
                "PUT", key: key, query: "multipart-manifest=put", body: JSONValue.array(manifest).canonicalBytes,
                statuses: [200, 201, 202],
                expected: "the segments to be joined")
            // Ceph's gateway joins segments without a look at them.
            let head = try await container.ask("HEAD", key: key, statuses: [200, 204], expected: "the object that was stored")
            let size = head.header("Content-Length")
            guard size == "\(bytes.count)" else {
                // A manifest that joins something else must not be taken for the object.
                try await container.ask("DELETE", key: key, statuses: [200, 204, 404], expected: "a broken object to be removed")
                mayBeNamed = false
                throw StorageError(
                    .truncated, expected: "\(bytes.count.counted("byte")) stored", found: size ?? "nothing", at: place,
                    advice: "run a check",
                    retry: .transient)
            }
        } catch {
            // A prune removes later what no manifest turns out to name.
            guard !mayBeNamed else { throw error }
            // Not stopped by a cancelled task: nobody else looks for these soon.
            await Task { try? await removeSegments(under: "\(key)/\(upload)/") }.value
            throw error
        }
    }

    private static func padded(_ number: Int) -> String { String(repeating: "0", count: max(0, 8 - "\(number)".count)) + "\(number)" }

    private func segment(_ bytes: ArraySlice<UInt8>, _ key: String) async throws -> JSONValue {
        let tag = bytes.withUnsafeBytes { MD5.hex($0) }
        try await segments.ask(
            "PUT", key: key, headers: [("ETag", tag)], body: Array(bytes), statuses: [201, 202], expected: "a segment to be stored")
        return ["path": .string("/\(segments.name)/\(key)"), "etag": .string(tag), "size_bytes": .int(Int64(bytes.count))]
    }

    /// Of every upload of this object.
    func removeSegments() async throws { try await removeSegments(under: key + "/") }

    private func removeSegments(under prefix: String) async throws {
        var keys: [String] = []
        try await segments.list(prefix: prefix, mayBeMissing: true) { keys += $0.map(\.key) }
        for key in keys {
            try await segments.ask("DELETE", key: key, statuses: [200, 204, 404], expected: "a segment to be removed")
        }
    }

    /// The object that a segment is a part of.
    static func key(ofSegment key: String) -> String {
        key.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
    }
}
