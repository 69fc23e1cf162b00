import Crypto

/// What a request is about: a repository's folder below the served one, and an object, a list or the repository itself
/// (restic doc/REST_backend.rst).
///
/// Nothing but what this grammar lets through becomes a path on disk.
struct RequestTarget: Sendable, Hashable {
    /// Folder names; empty for the served folder itself.
    var repository: [String]
    var subject: Subject

    enum Subject: Sendable, Hashable {
        case repository(create: Bool)
        /// `config`, and the former one that a migration of the format keeps beside it.
        case config(name: String)
        case list(ObjectKind)
        case object(ObjectKind, SHA256Digest)
    }

    private static let deepest = 16
    private static let configs: Set = ["config", "config.v1"]

    /// Reads a request line's target. Nil when it names nothing that can be here.
    init?(_ target: String) {
        guard target.utf8.count <= 4096, target.hasPrefix("/") else { return nil }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        // Split first, decode then: an encoded slash stays within its part, and is refused there.
        var rest = parts[0].dropFirst().split(separator: "/", omittingEmptySubsequences: false)[...]
        var names: [String] = []
        while let part = rest.first, !part.isEmpty, ObjectKind(rawValue: String(part)) == nil, !Self.configs.contains(String(part)) {
            guard names.count < Self.deepest, let name = Self.folderName(part) else { return nil }
            names.append(name)
            rest.removeFirst()
        }
        repository = names
        switch (rest.first.map(String.init) ?? "", rest.count) {
        case ("", 0), ("", 1):
            subject = .repository(create: parts.count == 2 && parts[1].split(separator: "&").contains("create=true"))
        case (let name, 1) where Self.configs.contains(name): subject = .config(name: name)
        case (let name, let count):
            guard let kind = ObjectKind(rawValue: name) else { return nil }
            let last = rest.dropFirst().first ?? ""
            if count == 1 || (count == 2 && last.isEmpty) {
                subject = .list(kind)
            } else if count == 2, let id = SHA256Digest(hex: last.utf8) {
                subject = .object(kind, id)
            } else {
                return nil
            }
        }
    }

    /// A name for a folder: no way up, nothing hidden, nothing that only looks like another name.
    private static func folderName(_ part: Substring) -> String? {
        var bytes: [UInt8] = []
        var source = part.utf8[...]
        while let byte = source.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = source.popFirst().flatMap(hex), let low = source.popFirst().flatMap(hex) else { return nil }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(byte)
            }
        }
        guard let name = String(validating: bytes, as: UTF8.self), bytes.first != UInt8(ascii: "."), bytes.count <= 255 else { return nil }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") }) else { return nil }
        // A folder of such a name could never be asked for again.
        guard ObjectKind(rawValue: name) == nil, !configs.contains(name) else { return nil }
        return name
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// The kinds of objects, by the folders that restic keeps them in.
enum ObjectKind: String, CaseIterable, Sendable {
    case data, keys, locks, snapshots, index

    /// Packs and indexes are large, the rest are small documents. Bytes.
    var maximumBytes: Int64 {
        switch self {
        case .data, .index: 4 << 30
        case .keys, .locks, .snapshots: 16 << 20
        }
    }
}
