import Basics
import Foundation
import HTTPClient
import StorageKit

/// A container, and where in it a repository lies.
struct SwiftContainer: Sendable {
    let account: SwiftAccount
    let name: String
    /// Without `/` at its ends; empty for the container itself.
    let prefix: String
    /// For people: the address that was declared, the container, the prefix.
    let text: String

    struct Entry: Sendable {
        var key: String
        var size: Int64
        /// Seconds since it was stored, by the server's clock; nil where it does not say.
        var age: Double?
    }

    /// RFC 3986, 2.3, and `/`.
    private static let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
    private static func encoded(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: plain) ?? text }

    func key(_ name: String) -> String { prefix.isEmpty ? name : "\(prefix)/\(name)" }

    /// Nil for a key of somebody else's.
    func name(ofKey key: String) -> String? {
        guard !prefix.isEmpty else { return key }
        return key.hasPrefix(prefix + "/") ? String(key.dropFirst(prefix.count + 1)) : nil
    }

    func location(_ key: String?) -> String { text + (key.map { " \($0)" } ?? "") }

    /// The answer, whatever its status. `key` nil asks of the container.
    func send(
        _ method: String, key: String?, query: String = "", headers: [(name: String, value: String)] = [], body: [UInt8]? = nil
    ) async throws -> HTTPAnswer {
        let path = "/" + Self.encoded(name).replacing("/", with: "%2F") + (key.map { "/" + Self.encoded($0) } ?? "")
        return try await account.send(method, path + (query.isEmpty ? "" : "?" + query), headers: headers, body: body)
    }

    /// An answer with one of `statuses`; what it means is thrown otherwise.
    @discardableResult
    func ask(
        _ method: String, key: String?, query: String = "", headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        statuses: Set<Int>, expected: String
    ) async throws -> HTTPAnswer {
        let answer = try await send(method, key: key, query: query, headers: headers, body: body)
        guard statuses.contains(answer.status) else { throw error(answer, expected: expected, key: key) }
        return answer
    }

    func error(_ answer: HTTPAnswer, expected: String, key: String?) -> StorageError {
        let place = location(key)
        func error(_ kind: ErrorKind, _ advice: String, _ retry: Retryability = .permanent) -> StorageError {
            StorageError(kind, expected: expected, found: "status \(answer.status)", at: place, advice: advice, retry: retry)
        }
        switch answer.status {
        case 401:
            return error(.accessDenied, "the server gave a token and does not take it; check the account in `storageURL` or the region")
        case 403: return error(.accessDenied, "the user may not do this in the container; check its access lists and the user's roles")
        case 422: return error(.unavailable, "what arrived was not what was sent; look at the network if it lasts", .transient)
        case 498: return error(.unavailable, "the server's rate limit; it may be raised there", .transient)
        default: return StorageError(answer: answer, expected: expected, at: place)
        }
    }

    /// All objects whose keys begin so, page by page (`format=json`; a page that is empty is the last).
    /// A container that is not there is an error, but where it `mayBeMissing`: a list that is wrongly empty is believed by who removes things.
    func list(prefix: String, mayBeMissing: Bool = false, _ page: ([Entry]) async throws -> Void) async throws {
        var marker = ""
        while true {
            let query = "format=json&prefix=\(Self.parameter(prefix))" + (marker.isEmpty ? "" : "&marker=\(Self.parameter(marker))")
            let answer = try await ask(
                "GET", key: nil, query: query, statuses: mayBeMissing ? [200, 204, 404] : [200, 204], expected: "a list of objects")
            if answer.status != 200 { return }
            guard let listed = (try? JSONValue(parsing: answer.body))?.arrayValue else {
                throw StorageError(
                    .invalid, expected: "a JSON list of objects", found: "something else", at: text,
                    advice: "check that the address is an object store's", retry: .transient)
            }
            let now = answer.serverTime ?? .now
            let entries = listed.compactMap { entry -> Entry? in
                guard let key = entry["name"]?.stringValue, let size = entry["bytes"]?.intValue else { return nil }
                let stored = entry["last_modified"]?.stringValue.flatMap { ServerTime.stamp($0) }
                return Entry(key: key, size: size, age: stored.map { now.timeIntervalSince($0) })
            }
            guard let last = entries.last?.key, last != marker else { return }
            try await page(entries)
            marker = last
        }
    }

    private static func parameter(_ text: String) -> String { encoded(text).replacing("/", with: "%2F") }
}
