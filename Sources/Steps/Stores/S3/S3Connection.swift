import Crypto
import Basics
import Foundation
import HTTPClient
import StorageKit

/// Signed requests to one bucket.
struct S3Connection: Sendable {
    let place: S3Place
    let signature: SignatureV4
    /// Of temporary credentials.
    let sessionToken: String?
    let connection: StoreConnection
    var now: @Sendable () -> Date = { .now }

    static let emptyHash = SHA256.hex([])

    /// The answer, whatever its status. `key` nil asks of the bucket. `hash` is the body's SHA-256 where the caller has it already.
    func send(
        _ method: String, key: String?, query: [(name: String, value: String)] = [], headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil, hash: String? = nil
    ) async throws -> HTTPAnswer {
        let path = place.path(ofKey: key)
        let parameters = query.map { "\(SignatureV4.encoded($0.name))=\(SignatureV4.encoded($0.value))" }.sorted().joined(separator: "&")
        let payloadHash = hash ?? body.map { SHA256.hex($0) } ?? Self.emptyHash
        let date = SignatureV4.date(now())
        var signed = headers + [("x-amz-content-sha256", payloadHash), ("x-amz-date", date)]
        if let sessionToken { signed.append(("x-amz-security-token", sessionToken)) }
        let authorization = signature.authorization(
            method: method, path: path, query: parameters, headers: signed + [("host", place.host)], payloadHash: payloadHash, date: date)
        signed.append(("Authorization", authorization))
        // libcurl would call a body a form.
        if body != nil, !headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            signed.append(("Content-Type", "application/octet-stream"))
        }
        let url = "\(place.scheme)://\(place.host)\(path)" + (parameters.isEmpty ? "" : "?\(parameters)")
        return try await connection.send(method, url, headers: signed, body: body)
    }

    /// An answer with one of `statuses`; what it means is thrown otherwise.
    func ask(
        _ method: String, key: String?, query: [(name: String, value: String)] = [], headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil, hash: String? = nil, statuses: Set<Int> = [200], expected: String
    ) async throws -> HTTPAnswer {
        let answer = try await send(method, key: key, query: query, headers: headers, body: body, hash: hash)
        guard statuses.contains(answer.status) else { throw error(answer, expected: expected, key: key) }
        return answer
    }

    func error(_ answer: HTTPAnswer, expected: String, key: String?) -> StorageError {
        S3Failure(answer, now: now()).error(expected: expected, at: place.text + (key.map { " \($0)" } ?? ""), region: signature.region)
    }
}

extension S3Connection: SecretHolding {
    var shown: String { "bucket \(place.bucket) at \(place.host)" }
}
