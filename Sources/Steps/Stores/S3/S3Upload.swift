import Crypto
import Basics
import HTTPClient
import StorageKit

/// A large object in parts, several under way at once (docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html). What is not completed
/// is taken back.
struct S3Upload: Sendable {
    let connection: S3Connection
    let key: String
    let headers: [(name: String, value: String)]
    /// What fills no more than two of them goes whole.
    let partBytes: Int

    func send(_ bytes: [UInt8]) async throws {
        // The condition of the last request is what counts, and not every server knows it there.
        let place = "\(connection.place.text) \(key)"
        guard try await connection.send("HEAD", key: key).status == 404 else {
            throw StorageError(.exists, expected: "a new object", found: "one that is there already", at: place, retry: .lostRace)
        }
        let begun = try await connection.ask(
            "POST", key: key, query: [("uploads", "")], headers: headers, body: [], expected: "an upload in parts to begin")
        guard let id = S3Document(begun.body)?["UploadId"], !id.isEmpty else {
            throw StorageError(.invalid, expected: "the id of an upload", found: "none", at: place, retry: .transient)
        }
        do {
            let tags = try await sendParts(bytes, id)
            let list = tags.enumerated().map { "<Part><PartNumber>\($0.offset + 1)</PartNumber><ETag>\($0.element)</ETag></Part>" }.joined()
            let answer = try await connection.ask(
                "POST", key: key, query: [("uploadId", id)], headers: [("Content-Type", "application/xml")],
                body: Array("<CompleteMultipartUpload>\(list)</CompleteMultipartUpload>".utf8), expected: "the upload's parts to be joined")
            // A failure may come with status 200, after the server has begun to answer.
            if let code = S3Document(answer.body)?["Code"] {
                throw StorageError(
                    .unavailable, expected: "the upload's parts to be joined", found: code, at: place, retry: .transient)
            }
            let stored = try await connection.ask("HEAD", key: key, expected: "the object that was stored").header("Content-Length")
            guard stored == "\(bytes.count)" else {
                throw StorageError(
                    .truncated, expected: "\(bytes.count.counted("byte")) stored", found: stored ?? "nothing", at: place,
                    advice: "run a check")
            }
        } catch {
            // Whatever else fails: parts of an upload that nobody completes cost money for ever. Not stopped by a cancelled task.
            let (connection, key) = (connection, key)
            await Task { _ = try? await connection.send("DELETE", key: key, query: [("uploadId", id)]) }.value
            throw error
        }
    }

    private func sendParts(_ bytes: [UInt8], _ id: String) async throws -> [String] {
        let starts = Array(stride(from: 0, to: bytes.count, by: partBytes))
        var tags = [String](repeating: "", count: starts.count)
        try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for (number, start) in starts.enumerated() {
                group.addTask {
                    let part = Array(bytes[start..<min(start + partBytes, bytes.count)])
                    let answer = try await connection.ask(
                        "PUT", key: key, query: [("partNumber", "\(number + 1)"), ("uploadId", id)], body: part,
                        expected: "part \(number + 1) to be stored")
                    return (number, answer.header("ETag") ?? "")
                }
            }
            for try await (number, tag) in group { tags[number] = tag }
        }
        return tags
    }
}
