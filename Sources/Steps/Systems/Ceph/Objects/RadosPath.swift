import StorageKit

/// Where an object lies in a tree: `@<namespace>/<shard>/<name>`, its omap beside it as `<name>%omap`. Pure, and the same both ways.
///
/// `%` and `/` are spelled `%25` and `%2F`; everything else stays as it is, but for names that are `.` or `..`. A locator follows the name
/// behind `%@`. What is longer than 240 bytes then is cut: folders of 240 bytes with `%+` behind them, and the rest. As two digits follow
/// every other `%`, none of these marks can be a part of a name.
enum RadosPath {
    enum Part: Sendable, Hashable { case data, omap }

    /// FNV-1a of the name, folded to one byte: two hexadecimal digits.
    static func shard(_ name: [UInt8]) -> UInt8 {
        var hash: UInt32 = 0x811c_9dc5
        for byte in name { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return UInt8(truncatingIfNeeded: hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24)
    }

    static func folder(shard: UInt8) -> FileName { FileName(bytes: [digit(shard >> 4), digit(shard & 15)].map(lowercased)) }

    static func shard(of folder: FileName) -> UInt8? {
        guard folder.bytes.count == 2, folder.bytes == folder.bytes.map(lowercased), let high = value(folder.bytes[0]),
            let low = value(folder.bytes[1])
        else { return nil }
        return high << 4 | low
    }

    static func folder(namespace: [UInt8]) -> FileName { FileName(bytes: [UInt8(ascii: "@")] + escaped(namespace)) }

    static func namespace(of folder: FileName) -> [UInt8]? {
        folder.bytes.first == UInt8(ascii: "@") ? unescaped(folder.bytes.dropFirst()) : nil
    }

    /// Below the shard's folder.
    static func parts(_ object: RadosObject, _ part: Part = .data) -> [FileName] {
        var spelled = escaped(object.name)
        if !object.locator.isEmpty { spelled += Array("%@".utf8) + escaped(object.locator) }
        var parts: [FileName] = []
        var rest = spelled[...]
        while rest.count > longest {
            parts.append(FileName(bytes: rest.prefix(longest) + Array("%+".utf8)))
            rest = rest.dropFirst(longest)
        }
        // No file can have these names.
        if rest.allSatisfy({ $0 == UInt8(ascii: ".") }), rest.count <= 2 { rest = rest.flatMap { _ in Array("%2E".utf8) }[...] }
        return parts + [FileName(bytes: rest + (part == .omap ? Array("%omap".utf8) : []))]
    }

    /// Nil for what is no object's place.
    static func object(namespace: [UInt8], _ parts: ArraySlice<FileName>) -> (object: RadosObject, part: Part)? {
        guard var rest = parts.last?.bytes[...] else { return nil }
        var part = Part.data
        if rest.suffix(5).elementsEqual("%omap".utf8) { (part, rest) = (.omap, rest.dropLast(5)) }
        var spelled: [UInt8] = []
        for folder in parts.dropLast() {
            guard folder.bytes.suffix(2).elementsEqual("%+".utf8) else { return nil }
            spelled += folder.bytes.dropLast(2)
        }
        spelled += rest
        let mark = spelled.indices.dropLast().first { spelled[$0] == UInt8(ascii: "%") && spelled[$0 + 1] == UInt8(ascii: "@") }
        guard let name = unescaped(spelled[..<(mark ?? spelled.count)]), !name.isEmpty,
            let locator = mark.map({ unescaped(spelled[($0 + 2)...]) }) ?? []
        else { return nil }
        return (RadosObject(namespace: namespace, name: name, locator: locator), part)
    }

    /// The object of a path below a tree's root, in which every namespace has a folder unless the tree is of one `namespace`.
    static func object(at path: TreePath, in namespace: [UInt8]?) -> (object: RadosObject, part: Part)? {
        var rest = path.parts[...]
        guard let space = namespace ?? rest.popFirst().flatMap({ Self.namespace(of: $0) }),
            let shard = rest.popFirst().flatMap({ Self.shard(of: $0) }), let found = object(namespace: space, rest),
            Self.shard(found.object.name) == shard
        else { return nil }
        return found
    }

    private static let longest = 240

    static func escaped(_ bytes: [UInt8], where isSpecial: (UInt8) -> Bool = { $0 == UInt8(ascii: "/") }) -> [UInt8] {
        bytes.flatMap { byte in
            byte == UInt8(ascii: "%") || isSpecial(byte) ? [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)] : [byte]
        }
    }

    static func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var plain: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                plain.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(value), let low = rest.popFirst().flatMap(value), high | low != 0 else {
                return nil
            }
            plain.append(high << 4 | low)
        }
        return plain
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10 }
    private static func lowercased(_ digit: UInt8) -> UInt8 {
        digit >= UInt8(ascii: "A") && digit <= UInt8(ascii: "F") ? digit + 32 : digit
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
