import Basics
import Foundation
import StorageKit

/// File trees in the protocol's words (docs/plug-ins.md): names as text, or as base64 where their bytes are no UTF-8.
enum TreeMessage {
    /// So much of a file comes with its opening, bytes: most files are smaller.
    static let firstPart = 1 << 20

    static func name(_ bytes: [UInt8]) -> JSONValue {
        String(validating: bytes, as: UTF8.self).map { .string($0) } ?? ["base64": .string(Data(bytes).base64EncodedString())]
    }

    static func bytes(_ json: JSONValue?) -> [UInt8]? {
        if let text = json?.stringValue { return Array(text.utf8) }
        return json?["base64"]?.stringValue.flatMap { Data(base64Encoded: $0) }.map { Array($0) }
    }

    static func path(_ path: TreePath) -> JSONValue { name(path.bytes) }

    /// Nil for what is no path below a root.
    static func path(_ json: JSONValue?) -> TreePath? {
        guard let bytes = bytes(json) else { return nil }
        let parts = bytes.split(separator: UInt8(ascii: "/")).map { Array($0) }
        return parts.allSatisfy(isPlain) ? TreePath(parts.map { FileName(bytes: $0) }) : nil
    }

    /// Whether a name means one entry of its folder and nothing else.
    static func isPlain(_ name: [UInt8]) -> Bool {
        !name.isEmpty && !name.contains(0) && !name.contains(UInt8(ascii: "/")) && name != Array(".".utf8) && name != Array("..".utf8)
    }

    static func attributes(_ attributes: [ExtendedAttribute]) -> JSONValue {
        .array(attributes.map { ["name": .string($0.name), "value": .string(Data($0.value).base64EncodedString())] })
    }

    /// None where nothing is said; nil for what are no attributes.
    static func attributes(_ json: JSONValue?) -> [ExtendedAttribute]? {
        var attributes: [ExtendedAttribute] = []
        for attribute in json?.arrayValue ?? [] {
            guard let name = attribute["name"]?.stringValue,
                let value = attribute["value"]?.stringValue.flatMap({ Data(base64Encoded: $0) })
            else { return nil }
            attributes.append(ExtendedAttribute(name: name, value: Array(value)))
        }
        return attributes
    }

    // MARK: listings

    /// One line of JSON an entry.
    static func lines(_ listing: TreeListing) -> [UInt8] {
        var bytes: [UInt8] = []
        func add(_ members: [String: JSONValue]) { bytes += JSONValue.object(members).canonicalBytes + [UInt8(ascii: "\n")] }
        for entry in listing.entries { add(["name": name(entry.name.bytes), "metadata": entry.metadata.message]) }
        for failure in listing.failures {
            add(["name": name(failure.name.bytes), "error": PluginFailure(failure.error, at: "\(failure.name)").json])
        }
        return bytes
    }

    /// In ascending order of names. Nil where a line is no entry, or a name is there twice.
    static func listing(_ bytes: [UInt8], call: String, plugin: String) -> TreeListing? {
        var listing = TreeListing(entries: [])
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let json = try? JSONValue(parsing: line), let plain = self.bytes(json["name"]), isPlain(plain) else { return nil }
            let name = FileName(bytes: plain)
            if let error = json["error"] {
                listing.failures.append((name, PluginFailure(json: error, call: call, plugin: plugin).error))
            } else {
                guard let metadata = FileMetadata(message: json["metadata"]) else { return nil }
                listing.entries.append(TreeEntry(name: name, metadata: metadata))
            }
        }
        listing.entries.sort { $0.name < $1.name }
        for (entry, next) in zip(listing.entries, listing.entries.dropFirst()) where entry.name == next.name { return nil }
        return listing
    }
}

extension FileMetadata {
    /// Numbers of 64 bits without a sign travel as the signed ones of the same bits.
    var message: JSONValue {
        var members: [String: JSONValue] = [
            "kind": .string(kind.rawValue), "permissions": .int(Int64(permissions)), "userID": .int(Int64(userID)),
            "groupID": .int(Int64(groupID)), "inode": .int(Int64(bitPattern: inode)), "deviceID": .int(Int64(bitPattern: deviceID)),
            "linkCount": .int(Int64(bitPattern: linkCount)), "size": .int(size), "modified": modified.message,
            "accessed": accessed.message, "changed": changed.message,
        ]
        if !user.isEmpty { members["user"] = .string(user) }
        if !group.isEmpty { members["group"] = .string(group) }
        if !linkTarget.isEmpty { members["linkTarget"] = TreeMessage.name(linkTarget) }
        if device != 0 { members["device"] = .int(Int64(bitPattern: device)) }
        if !extendedAttributes.isEmpty { members["extendedAttributes"] = TreeMessage.attributes(extendedAttributes) }
        return .object(members)
    }

    /// Only `kind` and `modified` must be there. Nil for what is no metadata.
    init?(message json: JSONValue?) {
        guard let json, let kind = json["kind"]?.stringValue.flatMap({ FileKind(rawValue: $0) }),
            let modified = FileTime(message: json["modified"]), let attributes = TreeMessage.attributes(json["extendedAttributes"])
        else { return nil }
        func number(_ key: String) -> Int64? { json[key]?.intValue }
        self.init(
            kind: kind, permissions: UInt16(truncatingIfNeeded: number("permissions") ?? (kind == .directory ? 0o755 : 0o644)) & 0o7777,
            userID: UInt32(truncatingIfNeeded: number("userID") ?? 0), groupID: UInt32(truncatingIfNeeded: number("groupID") ?? 0),
            user: json["user"]?.stringValue ?? "", group: json["group"]?.stringValue ?? "",
            inode: UInt64(bitPattern: number("inode") ?? 0), deviceID: UInt64(bitPattern: number("deviceID") ?? 0),
            linkCount: UInt64(bitPattern: number("linkCount") ?? 1), size: kind == .file ? number("size") ?? Self.unknownSize : 0,
            modified: modified, accessed: FileTime(message: json["accessed"]), changed: FileTime(message: json["changed"]),
            linkTarget: TreeMessage.bytes(json["linkTarget"]) ?? [], device: UInt64(bitPattern: number("device") ?? 0),
            extendedAttributes: attributes)
    }
}

extension FileTime {
    fileprivate var message: JSONValue { [.int(seconds), .int(Int64(nanoseconds))] }

    fileprivate init?(message json: JSONValue?) {
        guard let parts = json?.arrayValue?.map(\.intValue), parts.count == 2, let seconds = parts[0], let nanoseconds = parts[1],
            (0..<1_000_000_000).contains(nanoseconds)
        else { return nil }
        self.init(seconds: seconds, nanoseconds: Int32(nanoseconds))
    }
}
