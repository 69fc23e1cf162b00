import Crypto
import Foundation
import StorageKit

@testable import Repository

/// A repository whose metadata are small where they are stored and vast where they are read: two snapshots, `two` a little different.
struct ForgedRepository {
    enum Kind: String, CaseIterable, CustomStringConvertible {
        /// Folders of millions of files, one beside the other and one within the other.
        case manyFiles
        /// Few entries, each of a megabyte that says nothing.
        case fatEntries
        /// Names of a kilobyte and more.
        case longNames
        /// A file of a million blobs, and five hundred more of some thousand.
        case manyBlobs
        /// An entry with a million attributes.
        case manyAttributes
        /// Blobs that no index lists, each named once.
        case unknownBlobs
        /// Folders within folders, by the ten thousand.
        case deepFolders
        /// A folder of a million folders, all the same.
        case manyFolders
        /// Folders that are the same two again and again, with a lost one in the end.
        case sharedFolders
        /// Indexes that list blobs that no pack has.
        case largeIndexes
        /// Snapshots of a million paths.
        case manyPaths

        var description: String { rawValue }

        /// What would only wait for the disk or the clock: a tree that says files without number is restored, and shown, without end.
        func leavesOut(_ command: [String]) -> Bool {
            switch self {
            case .manyFiles, .manyFolders: command[0] == "restore" && command.count == 5
            case .sharedFolders: command[0] == "restore" || ["ls", "find", "diff", "dump"].contains(command[1])
            default: false
            }
        }
    }

    private(set) var one = ""
    private(set) var two = ""
    private let bench: Bench
    private var writer: PackWriter
    private let hex = String(repeating: "0", count: 56)

    init(_ kind: Kind, _ bench: Bench) async throws {
        self.bench = bench
        writer = PackWriter(files: bench.repository.files)
        let roots = try await roots(kind)
        try await writer.finish()
        if kind == .largeIndexes { try await forgeIndexes() }
        if kind == .manyPaths {
            let paths = ",\"\""
            for number in 0..<2 {
                try await put(
                    ObjectNames.snapshots,
                    [
                        ("{\"time\":\"2026-01-02T03:04:0\(number)Z\",\"tree\":\"\(roots[0])\",\"paths\":[\"/\"", 1), (paths, 9_000_000),
                        ("]}", 1),
                    ])
            }
        }
        (one, two) = (try await snapshot(roots[0]), try await snapshot(roots[1]))
    }

    private func snapshot(_ root: ObjectID) async throws -> String {
        try await bench.repository.files.save(
            ObjectNames.snapshots, Snapshot(time: .now, tree: root.hex, paths: ["/"], hostname: "mallory").encoded
        ).hex
    }

    private typealias Piece = (text: String, times: Int)

    private mutating func roots(_ kind: Kind) async throws -> [ObjectID] {
        let end: Piece = ("]}\n", 1)
        let start: Piece = ("{\"nodes\":[", 1)
        var roots: [ObjectID] = []
        for variant in ["1", "2"] {
            switch kind {
            case .manyFiles:
                // The inner one is read while the outer is open; held whole, one of them alone would be too much.
                let empty = try await tree([start, end])
                let leaf = try await files(variant, folder("a", empty))
                roots.append(try await files(variant, folder("a", leaf)))
            case .fatEntries:
                var pieces: [Piece] = [start]
                for number in 0..<150 {
                    pieces.append(
                        (
                            "\(number == 0 ? "" : ","){\"name\":\"\(1000 + number)\",\"type\":\"file\",\"content\":[],\"user\":\"\(variant)",
                            1
                        ))
                    pieces.append(("u", 1_000_000))
                    pieces.append(("\"}", 1))
                }
                roots.append(try await tree(pieces + [end]))
            case .longNames:
                var pieces: [Piece] = [start]
                for number in 0..<6 {
                    pieces.append(("\(number == 0 ? "" : ","){\"name\":\"\(number)\(variant)", 1))
                    pieces.append(("n", 25_000_000))
                    pieces.append(("\",\"type\":\"file\",\"content\":[]}", 1))
                }
                roots.append(try await tree(pieces + [end]))
            case .manyBlobs:
                let blob = try await data([UInt8(ascii: "x")])
                let id = "\"\(blob)\""
                func file(_ name: String, _ count: Int) -> [Piece] {
                    [
                        ("{\"name\":\"\(name)\",\"type\":\"file\",\"inode\":\(variant),\"size\":\(count),\"content\":[", 1),
                        (id + ",", count - 1), (id + "]}", 1),
                    ]
                }
                var pieces = file("a", 950_000)
                for number in 0..<500 { pieces += [(",", 1)] + file("b\(1000 + number)", 8000) }
                roots.append(try await tree([start] + pieces + [end]))
            case .manyAttributes:
                let attribute = "{\"name\":\"a\",\"value\":\"YQ==\"}"
                let head = "{\"name\":\"a\",\"type\":\"file\",\"content\":[],\"inode\":\(variant),\"extended_attributes\":["
                roots.append(try await tree([start, (head + attribute, 1), ("," + attribute, 2_000_000), ("]}", 1), end]))
            case .unknownBlobs:
                var folders: [String] = []
                for number in 0..<8 {
                    let opening = "{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\"size\":1,\"content\":[\"\(hex)00000000\""
                    let before = ",\"\(number)\(variant)\(hex.dropFirst(2))"
                    let list = try await counted(900_000, before: before, after: "\"", first: nil, opening: opening, closing: "]}]}\n")
                    folders.append(folder("d\(number)", list))
                }
                roots.append(try await tree([start, (folders.joined(separator: ","), 1), end]))
            case .deepFolders:
                var below = try await tree([start, ("{\"name\":\"end\(variant)\",\"type\":\"file\",\"content\":[]}", 1), end])
                let name = "d"
                for _ in 0..<15_000 { below = try await tree([start, (folder(name, below), 1), end]) }
                roots.append(below)
            case .manyFolders:
                let leaf = try await tree([start, ("{\"name\":\"end\(variant)\",\"type\":\"file\",\"content\":[]}", 1), end])
                roots.append(
                    try await counted(
                        1_500_000, before: ",{\"name\":\"f", after: "\",\"type\":\"dir\",\"subtree\":\"\(leaf)\"}", first: folder("a", leaf)
                    ))
            case .sharedFolders:
                var below = SHA256.digest(Array(variant.utf8))  // nowhere
                for _ in 0..<60 { below = try await tree([start, (folder("a", below) + "," + folder("b", below), 1), end]) }
                roots.append(below)
            case .largeIndexes, .manyPaths:
                roots.append(try await tree([start, ("{\"name\":\"a\(variant)\",\"type\":\"file\",\"content\":[]}", 1), end]))
            }
        }
        return roots
    }

    private mutating func files(_ variant: String, _ first: String) async throws -> ObjectID {
        try await counted(
            1_500_000, before: ",{\"name\":\"f", after: "\",\"type\":\"file\",\"inode\":\(variant),\"content\":[]}", first: first)
    }

    private func folder(_ name: String, _ tree: ObjectID) -> String {
        "{\"name\":\"\(name)\",\"type\":\"dir\",\"subtree\":\"\(tree)\"}"
    }

    /// A tree of so many entries (or whatever stands between `before` and `after`), numbered with eight digits.
    private mutating func counted(
        _ count: Int, before: String, after: String, first: String?, opening: String = "{\"nodes\":[", closing: String = "]}\n"
    ) async throws -> ObjectID {
        let hash = SHA256()
        var (frames, length): ([UInt8], Int) = ([], 0)
        func add(_ bytes: [UInt8]) {
            hash.update(bytes)
            length += bytes.count
            frames += packed(bytes)
        }
        add(Array((opening + (first ?? "")).utf8))
        var number = Array("00000000".utf8)
        let (head, tail) = (Array(before.utf8), Array(after.utf8))
        var left = count
        while left > 0 {
            var chunk: [UInt8] = []
            chunk.reserveCapacity(50_000 * (head.count + tail.count + 8))
            for _ in 0..<min(left, 50_000) {
                var place = 7
                while number[place] == UInt8(ascii: "9") {
                    number[place] = UInt8(ascii: "0")
                    place -= 1
                }
                number[place] += 1
                chunk += head
                chunk += number
                chunk += tail
            }
            left -= 50_000
            add(chunk)
        }
        add(Array(closing.utf8))
        return try await self.add(.tree, hash.finish(), frames, length)
    }

    private mutating func tree(_ pieces: [Piece]) async throws -> ObjectID {
        let hash = SHA256()
        var (frames, length): ([UInt8], Int) = ([], 0)
        var small: [UInt8] = []
        func flush() {
            guard !small.isEmpty else { return }
            hash.update(small)
            length += small.count
            frames += packed(small)
            small = []
        }
        for (text, times) in pieces {
            guard times > 1000 else {
                small += repeated(text, times)
                continue
            }
            flush()
            let bytes = repeated(text, times)
            hash.update(bytes)
            length += bytes.count
            frames += packed(bytes)
        }
        flush()
        return try await add(.tree, hash.finish(), frames, length)
    }

    private mutating func data(_ bytes: [UInt8]) async throws -> ObjectID {
        try await add(.data, SHA256.digest(bytes), packed(bytes), bytes.count)
    }

    private mutating func add(_ kind: BlobKind, _ id: ObjectID, _ frames: [UInt8], _ length: Int) async throws -> ObjectID {
        try await writer.add(BlobKey(kind: kind, id: id), frames, plainLength: length)
        return id
    }

    /// Two of the largest that are read, of packs that are not there.
    private func forgeIndexes() async throws {
        for number in 0..<2 {
            var pieces: [Piece] = []
            var text = ""
            for entry in 0..<620_000 {
                text += entry == 0 ? "" : ","
                text += "{\"id\":\"\(number)\(hex)\(10_000_00 + entry)\",\"type\":\"data\",\"offset\":0,\"length\":40}"
                if entry % 20_000 == 19_999 {
                    pieces.append((text, 1))
                    text = ""
                }
            }
            try await put(ObjectNames.index, [("{\"packs\":[{\"id\":\"\(number)\(hex)0000000\",\"blobs\":[", 1)] + pieces + [("]}]}", 1)])
        }
    }

    private func put(_ prefix: String, _ pieces: [Piece]) async throws {
        let frames = pieces.flatMap { packed(repeated($0.text, $0.times)) }
        let sealed = Sealer(bench.repository.key).seal([2] + frames)
        try await bench.store.put(ObjectName(prefix + SHA256.digest(sealed).hex), sealed)
    }

    private func repeated(_ text: String, _ times: Int) -> [UInt8] {
        var (out, unit, left): ([UInt8], [UInt8], Int) = ([], Array(text.utf8), times)
        while left > 0 {
            if left % 2 == 1 { out += unit }
            left /= 2
            if left > 0 { unit += unit }
        }
        return out
    }

    private func packed(_ bytes: [UInt8]) -> [UInt8] {
        let compressor = Compressor(level: 3)
        return withExtendedLifetime(compressor) { bytes.withUnsafeBytes { Array(compressor.compress($0)) } }
    }
}
