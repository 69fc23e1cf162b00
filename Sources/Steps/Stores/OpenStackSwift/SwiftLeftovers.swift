import Basics
import Foundation
import HTTPClient
import StorageKit

/// Segments that no manifest names: of uploads that were cut off before their manifest was stored, and of removals that were cut off after it
/// was gone.
struct SwiftLeftovers: Sendable {
    let container: SwiftContainer
    let segments: SwiftContainer

    /// Those of one upload of one object.
    private struct Upload {
        var keys: [String] = []
        var bytes: Int64 = 0
        /// Of its youngest segment, seconds by the server's clock.
        var age = Double.infinity
    }

    func unused(olderThan age: TimeSpan, removing: Bool) async throws -> UnfinishedObjects {
        var found = UnfinishedObjects()
        for (place, upload) in try await uploads() where upload.age >= age.seconds {
            guard try await isUnused(place) else { continue }
            for key in upload.keys where removing {
                try await segments.ask("DELETE", key: key, statuses: [200, 204, 404], expected: "a segment to be removed")
            }
            found += UnfinishedObjects(count: 1, bytes: upload.bytes)
        }
        return found
    }

    private struct Place: Hashable {
        var key: String
        var upload: String
    }

    private func uploads() async throws -> [Place: Upload] {
        var found: [Place: Upload] = [:]
        try await segments.list(prefix: container.key(""), mayBeMissing: true) { entries in
            for entry in entries {
                let parts = entry.key.split(separator: "/", omittingEmptySubsequences: false)
                guard parts.count > 2, UUID(uuidString: String(parts[parts.count - 2])) != nil else { continue }
                let key = LargeObject.key(ofSegment: entry.key)
                guard let name = container.name(ofKey: key), ObjectName(name).isOfARepository else { continue }
                var upload = found[Place(key: key, upload: String(parts[parts.count - 2])), default: Upload()]
                upload.keys.append(entry.key)
                upload.bytes += entry.size
                upload.age = min(upload.age, entry.age ?? 0)
                found[Place(key: key, upload: String(parts[parts.count - 2]))] = upload
            }
        }
        return found
    }

    /// An object that is there may be made of another upload's segments. What can't be read is taken for used.
    private func isUnused(_ place: Place) async throws -> Bool {
        let head = try await container.send("HEAD", key: place.key)
        if head.status == 404 { return true }
        guard head.isSuccess, head.header("X-Static-Large-Object")?.lowercased() == "true" else { return false }
        let answer = try await container.ask(
            "GET", key: place.key, query: "multipart-manifest=get", statuses: [200], expected: "the list of an object's segments")
        guard let manifest = (try? JSONValue(parsing: answer.body))?.arrayValue, !manifest.isEmpty else { return false }
        let names = manifest.compactMap { $0["name"]?.stringValue ?? $0["path"]?.stringValue }
        return names.count == manifest.count && !names.contains { $0.contains("/\(place.upload)/") }
    }
}
