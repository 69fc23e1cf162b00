import Basics
import Foundation
import HTTPClient
import StorageKit

/// A repository on a server that speaks restic's REST protocol (restic doc/REST_backend.rst).
///
/// Whether such a server replaces what is there is its own affair: restic's own and ours refuse, rclone's does not.
struct RESTStore: PacedStore {
    /// With `/` at its end.
    let base: String
    let headers: [(name: String, value: String)]
    let connection: StoreConnection

    private static let version2 = "application/vnd.x.restic.rest.v2"

    var properties: ObjectStoreProperties {
        ObjectStoreProperties(connections: connection.width, createOnlyIsAtomic: false, location: base, provesUploads: false)
    }

    /// `data/ab/<id>` is `data/<id>` there.
    private func url(_ name: ObjectName) -> String {
        let parts = name.text.split(separator: "/")
        guard parts.count == 3, parts[0] == "data" else { return base + name.text }
        return "\(base)data/\(parts[2])"
    }

    private func send(
        _ method: String, _ url: String, _ more: [(name: String, value: String)] = [], body: [UInt8]? = nil
    ) async throws -> HTTPAnswer {
        try await connection.send(method, url, headers: headers + more, body: body)
    }

    func pace(by limit: BandwidthLimit) { connection.pace(by: limit) }

    func create() async throws {
        let answer = try await send("POST", base + "?create=true", body: [])
        guard answer.isSuccess else { throw StorageError(answer: answer, expected: "a place for a repository", at: base) }
    }

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        let url = url(name)
        let answer = try await send("POST", url, [("Content-Type", "application/octet-stream")], body: bytes)
        guard !answer.isSuccess else { return }
        // Servers say 403 of what is there already and of what nobody may do.
        if answer.status == 403, let found = try? await stat(name) {
            throw StorageError(
                .exists, expected: "a new object", found: "\(found.size.counted("byte")) there already", at: url, retry: .lostRace)
        }
        throw StorageError(answer: answer, expected: "the object to be stored", at: url)
    }

    func get(_ name: ObjectName) async throws -> [UInt8] {
        let url = url(name)
        let answer = try await send("GET", url)
        guard answer.status == 200 else { throw StorageError(answer: answer, expected: "an object", at: url) }
        return answer.body
    }

    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let (url, part) = (url(name), RangedAnswer(range: range))
        return try part.bytes(try await send("GET", url, [part.header]), at: url)
    }

    func stat(_ name: ObjectName) async throws -> ObjectInfo? {
        let url = url(name)
        let answer = try await send("HEAD", url)
        if answer.status == 404 { return nil }
        guard answer.status == 200, let size = answer.header("Content-Length").flatMap({ Int64($0) }) else {
            throw StorageError(answer: answer, expected: "an object's size", at: url)
        }
        return ObjectInfo(name: name, size: size)
    }

    func delete(_ name: ObjectName) async throws {
        let url = url(name)
        let answer = try await send("DELETE", url)
        guard answer.isSuccess || answer.status == 404 else {
            throw StorageError(answer: answer, expected: "the object to be removed", at: url)
        }
    }

    /// Some servers have no folder before something is in it. But a wrong 404, of a proxy or of a mount that is not there, would empty a repository in
    /// the eyes of who removes what nobody uses: where there is a repository it is asked twice.
    private func listing(_ url: String) async throws -> HTTPAnswer {
        let answer = try await send("GET", url, [("Accept", Self.version2)])
        guard answer.status == 404, try await stat("config") != nil else { return answer }
        return try await send("GET", url, [("Accept", Self.version2)])
    }

    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        guard let folder = prefix.split(separator: "/").first.map(String.init) else { return }
        let url = "\(base)\(folder)/"
        let answer = try await listing(url)
        if answer.status == 404 { return }
        guard answer.status == 200 else { throw StorageError(answer: answer, expected: "a list of objects", at: url) }
        guard let listed = (try? JSONValue(parsing: answer.body)).flatMap({ $0 == .null ? [] : $0.arrayValue }) else {
            throw StorageError(
                .invalid, expected: "a JSON list of objects", found: "something else", at: url,
                advice: "check that the address is a restic REST server's")
        }
        var found: [ObjectInfo] = []
        for entry in listed {
            // Version 1 lists names alone.
            guard let id = entry.stringValue ?? entry["name"]?.stringValue, !id.contains("/") else { continue }
            let name = ObjectName(folder == "data" ? "data/\(id.prefix(2))/\(id)" : "\(folder)/\(id)")
            guard name.text.hasPrefix(prefix) else { continue }
            if let size = entry["size"]?.intValue {
                found.append(ObjectInfo(name: name, size: size))
            } else if let info = try await stat(name) {
                found.append(info)
            }
        }
        if !found.isEmpty { try await page(found) }
    }
}

extension RESTStore: SecretHolding {
    var shown: String { "repository at \(base)" }
}
