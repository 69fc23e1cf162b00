import Basics
import Foundation
import StorageKit
import Synchronization

/// An image whose extents are kept in memory: what a storage system could hold and say, right or wrong.
final class MemoryImage: ImageReader {
    let size: Int64
    let granularity: Int64 = 4096
    /// What is not here reads as zeros. By offset; pieces don't overlap.
    let pieces: [Int64: [UInt8]]
    /// What the source says has changed since any base; nil when it forgot.
    let changed: [Range<Int64>]?
    private let state = Mutex<[Range<Int64>]>([])
    private let questions = Mutex<[[Range<Int64>]]>([])

    init(size: Int64, _ pieces: [Int64: [UInt8]], changed: [Range<Int64>]? = nil) {
        self.size = size
        self.pieces = pieces
        self.changed = changed
    }

    /// What was read, in order of offsets.
    var reads: [Range<Int64>] { state.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } } }

    /// Where it was asked what it holds, question by question.
    var asked: [[Range<Int64>]] { questions.withLock { $0 } }

    func allocatedExtents() -> [Range<Int64>] { allocatedExtents(within: [0..<size]) }

    func allocatedExtents(within ranges: [Range<Int64>]) -> [Range<Int64>] {
        questions.withLock { $0.append(ranges) }
        return held.intersection(ranges)
    }

    private var held: [Range<Int64>] {
        pieces.sorted { $0.key < $1.key }.map { $0.key..<$0.key + Int64($0.value.count) }
    }

    func changedExtents(since base: JSONValue) -> [Range<Int64>]? { changed }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws {
        let range = offset..<offset + Int64(buffer.count)
        guard range.upperBound <= size else { throw StorageError(.truncated, expected: "\(size)", found: "\(range)", at: "memory") }
        state.withLock { $0.append(range) }
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        for (start, bytes) in pieces {
            let part = (start..<start + Int64(bytes.count)).clamped(to: range)
            guard !part.isEmpty else { continue }
            bytes.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: buffer[Int(part.lowerBound - offset)..<Int(part.upperBound - offset)])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[Int(part.lowerBound - start)..<Int(part.upperBound - start)]))
            }
        }
    }

    /// The whole image as bytes; for small ones.
    var bytes: [UInt8] {
        var all = [UInt8](repeating: 0, count: Int(size))
        for (start, bytes) in pieces { all.replaceSubrange(Int(start)..<Int(start) + bytes.count, with: bytes) }
        return all
    }
}

/// Takes a restored image into memory that is full of something else, as a used disk is.
final class MemoryTarget: ImageWriter {
    let replaces = false
    enum End { case open, finished, abandoned }
    private let state: Mutex<(bytes: [UInt8], end: End, written: Int)>

    init(size: Int64) { state = Mutex(([UInt8](repeating: 0xAA, count: Int(size)), .open, 0)) }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var end: End { state.withLock { $0.end } }
    var written: Int { state.withLock { $0.written } }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        let copy = Array(bytes)
        state.withLock { state in
            state.bytes.replaceSubrange(Int(offset)..<Int(offset) + copy.count, with: copy)
            state.written += copy.count
        }
    }
    func zero(_ range: Range<Int64>) throws {
        state.withLock { state in for index in range { state.bytes[Int(index)] = 0 } }
    }
    func finish() throws { state.withLock { $0.end = .finished } }
    func abandon() { state.withLock { $0.end = .abandoned } }
}
