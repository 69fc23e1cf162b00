import StorageKit

/// Patterns of paths to leave out.
///
/// `*` and `?` match within a name, `[a-z]` one character, `**` any number of folders. A pattern with a `/` in it is about the path below
/// the system's root; one without is about the last name, at any depth. A trailing `/` means folders only.
/// What is below an excluded folder is excluded because it is never listed.
struct ExcludePatterns: Sendable {
    private struct Pattern: Sendable {
        var parts: [[UInt8]]
        var foldersOnly: Bool
        var isAnchored: Bool
    }
    private let patterns: [Pattern]

    init(_ texts: [String]) {
        patterns = texts.compactMap { text in
            var bytes = Array(text.utf8)
            let foldersOnly = bytes.last == UInt8(ascii: "/")
            if foldersOnly { bytes.removeLast() }
            guard !bytes.isEmpty else { return nil }
            let parts = bytes.split(separator: UInt8(ascii: "/")).map(Array.init)
            return Pattern(parts: parts, foldersOnly: foldersOnly, isAnchored: bytes.contains(UInt8(ascii: "/")))
        }
    }

    func match(_ path: TreePath, isDirectory: Bool) -> Bool {
        patterns.contains { pattern in
            if pattern.foldersOnly, !isDirectory { return false }
            if pattern.isAnchored { return Self.match(pattern.parts[...], path.parts[...]) }
            return path.parts.last.map { Self.match(pattern.parts[0][...], $0.bytes[...]) } ?? false
        }
    }

    private static func match(_ pattern: ArraySlice<[UInt8]>, _ names: ArraySlice<FileName>) -> Bool {
        guard let first = pattern.first else { return names.isEmpty }
        if first == Array("**".utf8) {
            let rest = pattern.dropFirst()
            return (names.startIndex...names.endIndex).contains { match(rest, names[$0...]) }
        }
        guard let name = names.first else { return false }
        return match(first[...], name.bytes[...]) && match(pattern.dropFirst(), names.dropFirst())
    }

    /// One name against one pattern. Backtracks to the last `*` only, so time is bounded by the product of the lengths.
    private static func match(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        var at = pattern.startIndex
        var position = name.startIndex
        var star: (pattern: Int, name: Int)?
        while position < name.endIndex {
            if at < pattern.endIndex, pattern[at] == UInt8(ascii: "*") {
                star = (at + 1, position)
                at += 1
            } else if let next = single(pattern, at, name[position]) {
                at = next
                position += 1
            } else if let back = star {
                star = (back.pattern, back.name + 1)
                at = back.pattern
                position = back.name + 1
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// The pattern's position after one matching character, nil when it does not match.
    private static func single(_ pattern: ArraySlice<UInt8>, _ at: Int, _ byte: UInt8) -> Int? {
        guard at < pattern.endIndex else { return nil }
        switch pattern[at] {
        case UInt8(ascii: "?"):
            return at + 1
        case UInt8(ascii: "["):
            guard let end = pattern[(at + 1)...].dropFirst().firstIndex(of: UInt8(ascii: "]")) else {
                return byte == pattern[at] ? at + 1 : nil
            }
            var set = pattern[(at + 1)..<end]
            let isNegated = set.first == UInt8(ascii: "!") || set.first == UInt8(ascii: "^")
            if isNegated { set = set.dropFirst() }
            var found = false
            var index = set.startIndex
            while index < set.endIndex {
                if index + 2 < set.endIndex, set[index + 1] == UInt8(ascii: "-") {
                    found = found || (set[index] <= byte && byte <= set[index + 2])
                    index += 3
                } else {
                    found = found || set[index] == byte
                    index += 1
                }
            }
            return found != isNegated ? end + 1 : nil
        case let literal:
            return literal == byte ? at + 1 : nil
        }
    }
}
