import Basics
import StepKit
import StorageKit

/// An image that a plug-in reads.
final class PluginImage: ImageReader {
    let size: Int64
    let granularity: Int64
    let attributes: [ExtendedAttribute]
    private let process: PluginProcess
    private let handle: JSONValue
    private let confirms: Bool
    /// Whether it can be asked what a part of it holds.
    private let tellsParts: Bool
    /// Whether it says of what changed what is filled.
    private let tellsFilled: Bool
    /// Through which content comes, where the process says that it has found it: it may be an older one than this.
    private let memory: SharedMemory?
    /// Whether it finds what begins in the middle of a slot too.
    private let findsParts: Bool

    convenience init(_ process: PluginProcess, _ arguments: JSONValue) throws(StorageError) {
        try self.init(process, opened: process.call("image.open", arguments).result)
    }

    /// `result`: what the opening has answered.
    init(_ process: PluginProcess, opened result: JSONValue) throws(StorageError) {
        self.process = process
        guard let handle = result["handle"], let size = result["size"]?.intValue, size >= 0,
            let granularity = result["granularity"]?.intValue, granularity > 0, granularity.nonzeroBitCount == 1,
            let attributes = TreeMessage.attributes(result["attributes"])
        else {
            throw process.broken("an image's handle, size and granularity (a power of two)", result.canonicalText)
        }
        confirms = result["confirms"]?.boolValue ?? false
        tellsParts = result["within"]?.boolValue ?? false
        memory = result["shares"]?.boolValue == true ? process.memory : nil
        tellsFilled = result["tellsFilled"]?.boolValue ?? false
        findsParts = result["sharesParts"]?.boolValue ?? false
        (self.handle, self.size, self.granularity, self.attributes) = (handle, size, granularity, attributes)
    }

    func allocatedExtents() throws -> [Range<Int64>] { try extents(process.call("image.allocated", ["handle": handle])) }

    func allocatedExtents(within ranges: [Range<Int64>]) throws -> [Range<Int64>] {
        guard tellsParts else { return ranges.isEmpty ? [] : try allocatedExtents().intersection(ranges) }
        let asked = ExtentData.bytes(ranges)
        // What it says beside that is not taken.
        return try asked.withUnsafeBytes { try extents(process.call("image.allocated", ["handle": handle], sending: $0)) }.intersection(
            ranges)
    }

    func changedExtents(since base: JSONValue) throws -> [Range<Int64>]? { try changes(since: base)?.ranges }

    func changes(since base: JSONValue) throws -> ImageChanges? {
        let answer = try process.call(
            "image.changed", tellsFilled ? ["handle": handle, "base": base, "filled": true] : ["handle": handle, "base": base])
        // No data: the token is no longer good.
        if answer.result.isNull { return nil }
        let filled = ExtentData.size(of: answer.result["filled"]?.intValue ?? 0)
        guard 0...answer.data.count ~= filled else { throw process.broken("so many filled extents", answer.result.canonicalText) }
        let rest = answer.data.count - filled
        return ImageChanges(ranges: try extents(Array(answer.data.prefix(rest))), filled: try extents(Array(answer.data.dropFirst(rest))))
    }

    private func extents(_ answer: PluginCall.Answer) throws(StorageError) -> [Range<Int64>] { try extents(answer.data) }

    private func extents(_ bytes: [UInt8]) throws(StorageError) -> [Range<Int64>] {
        guard let extents = ExtentData.extents(bytes, size: size) else {
            throw process.broken("ascending extents within \(size.counted("byte"))", "others")
        }
        return extents
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws {
        let length = JSONValue.int(Int64(buffer.count))
        if let place = memory?.offset(of: buffer) {
            _ = try process.call("image.read", ["handle": handle, "offset": .int(offset), "length": length, "place": .int(place)])
            return
        }
        guard let memory, let slot = memory.take(buffer.count) else {
            _ = try process.call("image.read", ["handle": handle, "offset": .int(offset), "length": length], into: buffer)
            return
        }
        // A process that was given up may go on writing there for a moment: its memory is nobody else's.
        defer { memory.giveBack(slot) }
        _ = try process.call("image.read", ["handle": handle, "offset": .int(offset), "length": length, "place": .int(slot.offset)])
        buffer.copyMemory(from: UnsafeRawBufferPointer(slot.bytes))
    }

    /// A process that was given up may go on writing into what it was told to fill, and into nothing else: that call has failed.
    func lend(_ count: Int) -> LentMemory? { findsParts ? memory?.lend(count) : nil }

    func confirm() throws { if confirms { _ = try process.call("image.confirm", ["handle": handle]) } }

    /// What was read is read: how the closing went interests nobody.
    func close(failed: Bool) { _ = try? process.call("image.close", process.closing(handle, failed: failed)) }
}

/// An image that a plug-in writes.
final class PluginImageWriter: ImageWriter {
    let replaces: Bool
    private let process: PluginProcess
    private let handle: JSONValue
    /// As for an image that is read.
    private let memory: SharedMemory?

    /// `arguments`: `size`, `overwrite` and `attributes`, or `part`.
    init(_ process: PluginProcess, _ arguments: JSONValue) throws(StorageError) {
        self.process = process
        let result = try process.call("target.open", arguments).result
        guard let handle = result["handle"] else { throw process.broken("a target's handle", result.canonicalText) }
        // A part goes into what is there, whoever writes it.
        replaces = result["replaces"]?.boolValue ?? (arguments["part"] != nil)
        memory = result["shares"]?.boolValue == true ? process.memory : nil
        self.handle = handle
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        guard let memory, let slot = memory.take(bytes.count) else {
            _ = try process.call("target.write", ["handle": handle, "offset": .int(offset)], sending: bytes)
            return
        }
        defer { memory.giveBack(slot) }
        slot.bytes.copyMemory(from: bytes)
        _ = try process.call(
            "target.write",
            ["handle": handle, "offset": .int(offset), "length": .int(Int64(bytes.count)), "place": .int(slot.offset)])
    }

    func zero(_ range: Range<Int64>) throws {
        _ = try process.call(
            "target.zero", ["handle": handle, "offset": .int(range.lowerBound), "length": .int(range.upperBound - range.lowerBound)])
    }

    func finish() throws { _ = try process.call("target.finish", ["handle": handle]) }
    func abandon() { _ = try? process.call("target.abandon", ["handle": handle]) }
    func close(failed: Bool) throws { _ = try process.call("target.close", process.closing(handle, failed: failed)) }
}
