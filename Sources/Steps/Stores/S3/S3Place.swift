import Basics
import Foundation
import StepKit

/// Where a bucket is: how requests name it, and how people do.
struct S3Place: Sendable, Hashable {
    enum Addressing: String, CaseIterable, Sendable {
        case auto, path, virtual
    }

    /// `https`
    let scheme: String
    /// With the port where it is not the scheme's own; with the bucket in front where it is a part of the name.
    let host: String
    /// `/bucket` or empty.
    let root: String
    let bucket: String
    /// Without `/` at the ends; empty for the bucket itself.
    let prefix: String

    /// Keys have 1,024 bytes; the longest name that a repository puts behind it has fewer than 128.
    private static let longestPrefix = 896

    init(endpoint: String, bucket: String, prefix: String, addressing: Addressing, origin: String) throws(StepError) {
        func refusal(_ expected: String, _ found: String, _ advice: String) -> StepError {
            StepError(.invalidSetting, expected: expected, found: "\"\(found)\"", at: origin, advice: advice)
        }
        guard let parts = URLComponents(string: endpoint), let scheme = parts.scheme?.lowercased(), ["http", "https"].contains(scheme),
            let name = parts.host, !name.isEmpty, parts.user == nil, parts.query == nil, ["", "/"].contains(parts.path)
        else {
            throw refusal(
                "an endpoint as https://host:port", StoreConnection.withoutUser(endpoint),
                "give scheme, host and port alone; bucket, prefix, accessKey and secretKey have keys of their own")
        }
        let isPlain = bucket.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "-._".utf8.contains(byte)
            }
        }
        guard isPlain, (3...255).contains(bucket.utf8.count), bucket != "..", !bucket.hasPrefix(".") else {
            throw refusal("a bucket's name: letters, digits, `-` and `.`", bucket, "correct `bucket`")
        }
        let folders = prefix.split(separator: "/")
        // Servers drop or reject what XML can't carry; a path of `..` means another one to proxies on the way.
        let isText = prefix.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control && $0.value & 0xFFFE != 0xFFFE }
        guard isText, !folders.contains(".."), !folders.contains("."), prefix.utf8.count <= Self.longestPrefix else {
            throw refusal(
                "a prefix of at most \(Self.longestPrefix) bytes without control characters, and without parts that are `.` or `..`",
                prefix,
                "correct `prefix`")
        }
        self.scheme = scheme
        self.bucket = bucket
        self.prefix = folders.joined(separator: "/")
        let isOwn = parts.port.map { $0 == (scheme == "https" ? 443 : 80) } ?? true
        let authority = name.lowercased() + (isOwn ? "" : ":\(parts.port ?? 0)")
        // Amazon wants the bucket in the name; almost everybody else has it in the path.
        let isVirtual =
            addressing == .virtual || addressing == .auto && name.lowercased().hasSuffix(".amazonaws.com") && !bucket.contains(".")
        host = isVirtual ? "\(bucket).\(authority)" : authority
        root = isVirtual ? "" : "/\(bucket)"
    }

    /// `s3:https://host/bucket/prefix`, whatever the addressing.
    var text: String {
        let authority = root.isEmpty ? String(host.dropFirst(bucket.count + 1)) : host
        return "s3:\(scheme)://\(authority)/\(bucket)" + (prefix.isEmpty ? "" : "/\(prefix)")
    }

    /// An object's key; `name` is empty for the bucket's own.
    func key(_ name: String) -> String { prefix.isEmpty ? name : "\(prefix)/\(name)" }

    /// The name of an object of ours; nil for one of somebody else's.
    func name(ofKey key: String) -> String? {
        guard !prefix.isEmpty else { return key }
        // By bytes: to Swift `é` and `e` with an accent behind it are the same text, to a server they are two keys.
        let start = Array((prefix + "/").utf8)
        return key.utf8.starts(with: start) ? String(decoding: key.utf8.dropFirst(start.count), as: UTF8.self) : nil
    }

    /// The encoded path of an object; of the bucket where there is none.
    func path(ofKey key: String?) -> String {
        guard let key else { return root.isEmpty ? "/" : root }
        return root + "/" + SignatureV4.encoded(key, keepsSlashes: true)
    }
}
