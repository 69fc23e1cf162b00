import Crypto
import Basics
import StorageKit
import Synchronization

/// What a restore wrote: files as digests of the ranges written (about 60 bytes a range), with metadata and links.
final class WitnessLedger: Sendable {
    private struct Expected {
        var size: Int64?
        var ranges: [(range: Range<Int64>, digest: SHA256Digest)] = []
        var metadata: FileMetadata?
        var timesToo = true
    }

    private struct State {
        var files: [TreePath: Expected] = [:]
        var links: [(path: TreePath, existing: TreePath)] = []
    }
    private let state = Mutex(State())

    /// Paths to compare.
    var count: Int { state.withLock { $0.files.count + $0.links.count } }

    func begin(_ path: TreePath, size: Int64) { state.withLock { $0.files[path, default: Expected()].size = size } }

    func wrote(_ path: TreePath, _ range: Range<Int64>, _ digest: SHA256Digest) {
        state.withLock { $0.files[path, default: Expected()].ranges.append((range, digest)) }
    }

    func expect(_ path: TreePath, _ metadata: FileMetadata, timesToo: Bool = true) {
        state.withLock { state in
            state.files[path, default: Expected()].metadata = metadata
            state.files[path]?.timesToo = timesToo
        }
    }

    func link(_ path: TreePath, to existing: TreePath) { state.withLock { $0.links.append((path, existing)) } }

    /// Reads everything back. Returns what differs, for people; blocks.
    func compare(with reader: any TreeReader, isStopped: () -> Bool) throws -> [String] {
        let (files, links) = state.withLock { ($0.files, $0.links) }
        var differences: [String] = []
        for (path, expected) in files.sorted(by: { $0.key < $1.key }) {
            if isStopped() { throw CancellationError() }
            if let difference = try Self.difference(path, expected, reader) { differences.append("/\(path): \(difference)") }
        }
        for (path, existing) in links {
            let (one, other) = (try reader.metadata(of: path), try reader.metadata(of: existing))
            if one.inode != other.inode { differences.append("/\(path): not the same file as /\(existing)") }
        }
        return differences
    }

    private static func difference(_ path: TreePath, _ expected: Expected, _ reader: any TreeReader) throws -> String? {
        let found: FileMetadata
        do {
            found = try reader.metadata(of: path)
        } catch let error as StorageError {
            return error.found
        }
        if let metadata = expected.metadata, expected.timesToo {
            if found.kind != metadata.kind { return "a \(found.kind.rawValue), not a \(metadata.kind.rawValue)" }
            if found.kind == .symbolicLink { return found.linkTarget == metadata.linkTarget ? nil : "another target" }
            if found.permissions != metadata.permissions {
                return "mode \(String(found.permissions, radix: 8)), not \(String(metadata.permissions, radix: 8))"
            }
            if found.modified != metadata.modified, isHeldEverywhere(metadata.modified) { return "another time of change" }
        }
        guard let size = expected.size else { return nil }
        if found.size != size { return "\(found.size.counted("byte")), not \(size)" }
        return try contentDifference(path, expected, size: size, reader)
    }

    /// Where the scratch file system can't hold a time that the source's could, the copy is none the worse.
    private static func isHeldEverywhere(_ time: FileTime) -> Bool { Int32(exactly: time.seconds) != nil }

    /// Ranges that were not written are holes and read as zeros.
    private static func contentDifference(_ path: TreePath, _ expected: Expected, size: Int64, _ reader: any TreeReader) throws -> String? {
        let file = try reader.open(path)
        defer { file.close() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        let hash = SHA256()
        var position: Int64 = 0
        /// Of a hole, what is not passed yet: the kernel knows its zeros without reading them.
        var zeros: Int64 = 0

        /// Reads on to `end`; false when the file ends before.
        func read(to end: Int64, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool {
            while position < end {
                if zeros == 0 { zeros = try file.skipHole() }
                let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(Int64(buffer.count), end - position))])
                let count = zeros > 0 ? Int(min(zeros, Int64(wanted.count))) : try file.read(into: wanted)
                if zeros > 0 {
                    _ = UnsafeMutableRawBufferPointer(rebasing: wanted[..<count]).initializeMemory(as: UInt8.self, repeating: 0)
                    zeros -= Int64(count)
                }
                guard count > 0, body(UnsafeRawBufferPointer(rebasing: wanted[..<count])) else { return false }
                position += Int64(count)
            }
            return true
        }
        func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.allSatisfy { $0 == 0 } }

        /// The same for what is to be zeros: a hole is passed over, however long it is.
        func readZeros(to end: Int64) throws -> Bool {
            while position < end {
                if zeros == 0 { zeros = try file.skipHole() }
                let passed = min(zeros, end - position)
                zeros -= passed
                position += passed
                if passed == 0, try !read(to: min(end, position + Int64(buffer.count)), isZero) { return false }
            }
            return true
        }

        for (range, digest) in expected.ranges.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            guard try readZeros(to: range.lowerBound) else { return "other bytes before offset \(range.lowerBound)" }
            let isRead = try read(to: range.upperBound) { bytes in
                hash.update(bytes)
                return true
            }
            guard isRead, hash.finish() == digest else { return "other bytes at offset \(range.lowerBound)" }
        }
        return try readZeros(to: size) ? nil : "other bytes at offset \(position)"
    }
}
