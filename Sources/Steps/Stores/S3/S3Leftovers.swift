import Basics
import Foundation
import HTTPClient
import StorageKit

/// Uploads in parts that nobody completed or took back: no list of objects shows them, and they cost money for ever
/// (docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html).
struct S3Leftovers: Sendable {
    let connection: S3Connection

    private struct Upload {
        var key: String
        var id: String
    }

    /// Those of the repository's objects that were begun so long ago by the server's clock.
    func abandoned(olderThan age: TimeSpan, removing: Bool) async throws -> UnfinishedObjects {
        var found = UnfinishedObjects()
        for upload in try await uploads(olderThan: age) {
            guard let bytes = try await bytes(of: upload) else { continue }
            if removing {
                _ = try await connection.ask(
                    "DELETE", key: upload.key, query: [("uploadId", upload.id)], statuses: [200, 204, 404],
                    expected: "an upload to be taken back")
            }
            found += UnfinishedObjects(count: 1, bytes: bytes)
        }
        return found
    }

    private func uploads(olderThan age: TimeSpan) async throws -> [Upload] {
        var found: [Upload] = []
        var next: (key: String, id: String)?
        while true {
            var query = [("uploads", ""), ("prefix", connection.place.key(""))]
            if let next { query += [("key-marker", next.key), ("upload-id-marker", next.id)] }
            let document = try await list(query, key: nil)
            for entry in document.page.all("Upload") {
                guard let key = entry["Key"], let name = connection.place.name(ofKey: key), ObjectName(name).isOfARepository,
                    let id = entry["UploadId"], let begun = entry["Initiated"].flatMap({ ServerTime.stamp($0) }),
                    document.time.timeIntervalSince(begun) >= age.seconds
                else { continue }
                found.append(Upload(key: key, id: id))
            }
            guard document.page["IsTruncated"] == "true", let key = document.page["NextKeyMarker"],
                let id = document.page["NextUploadIdMarker"], next.map({ $0 != (key, id) }) ?? true
            else { return found }
            next = (key, id)
        }
    }

    /// Of its parts; nil when it is gone meanwhile.
    private func bytes(of upload: Upload) async throws -> Int64? {
        var sum: Int64 = 0
        var next: String?
        while true {
            var query = [("uploadId", upload.id)]
            if let next { query.append(("part-number-marker", next)) }
            let page: S3Document
            do { page = try await list(query, key: upload.key).page } catch let error as StorageError where error.kind == .notFound {
                return nil
            }
            for part in page.all("Part") { sum += part["Size"].flatMap { Int64($0) } ?? 0 }
            guard page["IsTruncated"] == "true", let marker = page["NextPartNumberMarker"], marker != next else { return sum }
            next = marker
        }
    }

    private func list(_ query: [(name: String, value: String)], key: String?) async throws -> (page: S3Document, time: Date) {
        let answer = try await connection.ask("GET", key: key, query: query, expected: "a list of uploads")
        guard let page = S3Document(answer.body) else {
            throw StorageError(
                .invalid, expected: "a list of uploads", found: "something else", at: connection.place.text,
                advice: "check that the endpoint is an S3 server's", retry: .transient)
        }
        return (page, answer.serverTime ?? .now)
    }
}
