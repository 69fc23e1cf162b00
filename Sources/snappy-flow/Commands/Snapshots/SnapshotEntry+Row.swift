import ArgumentParser
import Basics
import Foundation
import Repository
import Steps
import StorageKit

extension SnapshotEntry {
    /// As `ls -l` shows it, and for programs with everything that is recorded.
    var row: JSONValue {
        var row: [String: JSONValue] = [
            "path": .string("/\(path)"), "type": .string(type), "size": .int(Int64(clamping: size)),
        ]
        if let bytes = path.unreadableBytes { row["pathBase64"] = .string(bytes) }
        guard let metadata else { return .object(row) }
        row["mode"] = .string(metadata.modeText)
        row["permissions"] = .string(String(metadata.permissions, radix: 8))
        row["user"] = .string(metadata.user.isEmpty ? "\(metadata.userID)" : metadata.user)
        row["group"] = .string(metadata.group.isEmpty ? "\(metadata.groupID)" : metadata.group)
        row["userID"] = .int(Int64(metadata.userID))
        row["groupID"] = .int(Int64(metadata.groupID))
        row["modified"] = .string(Instant(metadata.modified).rfc3339)
        row["inode"] = .string("\(metadata.inode)")
        if metadata.kind == .symbolicLink {
            row["target"] = .string(String(decoding: metadata.linkTarget, as: UTF8.self))
            if let bytes = metadata.linkTarget.base64WhereNotText { row["targetBase64"] = .string(bytes) }
        }
        return .object(row)
    }

    var line: String {
        let row = row
        func text(_ key: String) -> String { (row[key]?.stringValue ?? "").printable }
        let size = "\(row["size"]?.intValue ?? 0)"
        let padded = String(repeating: " ", count: max(12 - size.count, 0)) + size
        let owner = "\(text("user").padded(to: 8)) \(text("group").padded(to: 8))"
        let target = metadata?.kind == .symbolicLink ? " -> " + (metadata?.linkTarget ?? []).printableName : ""
        return "\(text("mode").padded(to: 10)) \(owner) \(padded) \(text("modified").prefix(19)) /\(path.printable)\(target)"
    }
}

extension TreePath {
    /// Base64 of the whole path from the root where its bytes are no text: `path` has U+FFFD in their place.
    var unreadableBytes: String? { ([UInt8(ascii: "/")] + bytes).base64WhereNotText }
}

extension [UInt8] {
    fileprivate var base64WhereNotText: String? {
        String(validating: self, as: UTF8.self) == nil ? Data(self).base64EncodedString() : nil
    }
}

extension FileMetadata {
    /// `drwxr-xr-x`
    fileprivate var modeText: String {
        let letters: [FileKind: Character] = [
            .file: "-", .directory: "d", .symbolicLink: "l", .blockDevice: "b", .characterDevice: "c", .fifo: "p", .socket: "s",
        ]
        var text = [letters[kind] ?? "?"]
        for (index, letter) in "rwxrwxrwx".enumerated() { text.append(permissions >> (8 - index) & 1 == 1 ? letter : "-") }
        for (place, bit, set, alone) in [(3, 0o4000, "s", "S"), (6, 0o2000, "s", "S"), (9, 0o1000, "t", "T")]
            as [(Int, UInt16, Character, Character)]
        where permissions & bit != 0 {
            text[place] = text[place] == "x" ? set : alone
        }
        return String(text)
    }
}

extension Instant {
    init(_ time: FileTime) {
        let (product, overflow) = time.seconds.multipliedReportingOverflow(by: 1_000_000)
        self.init(microseconds: overflow ? (time.seconds < 0 ? .min : .max) : product + Int64(time.nanoseconds) / 1000)
    }
}
