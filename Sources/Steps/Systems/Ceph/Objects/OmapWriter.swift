import Basics
import CephLibraries
import FlowModel
import Glibc
import StepKit
import StorageKit

/// An object's omap as it is restored: its file's ranges come in any order, so it waits in a file without a name until it is whole.
final class OmapWriter: FileWriter {
    private let object: RadosObject
    private let view: PoolView
    private let spool: Int32
    private let location: String

    init(_ object: RadosObject, in view: PoolView, scratchFolder: String) throws(StorageError) {
        (self.object, self.view, location) = (object, view, "\(view.pool.name)/\(object.description)")
        var path = Array((scratchFolder + "/omap-XXXXXX").utf8CString)
        spool = mkstemp(&path)
        guard spool >= 0 else {
            throw StorageError(
                .failed, expected: "a file to keep an omap in", found: String(cString: strerror(errno)), at: scratchFolder,
                advice: "make room, or give the worker another scratch folder", retry: .transient)
        }
        unlink(path)
    }

    deinit { close(spool) }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        var done = 0
        while done < bytes.count {
            let count = pwrite(spool, bytes.baseAddress! + done, bytes.count - done, off_t(offset) + off_t(done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw StorageError(
                    .noSpace, expected: "room for an omap of this size", found: String(cString: strerror(errno)), at: location,
                    advice: "it waits in the worker's scratch folder until it is whole; make room there", retry: .transient)
            }
            done += count
        }
    }

    /// All pairs, some at a time; none stays where that fails.
    func finish() throws {
        do { try store() } catch {
            _ = try? view.write(object) { rados_write_op_omap_clear($0) }
            throw error
        }
    }

    private func store() throws {
        let input = SpooledOmap(spool, location)
        guard try input.take(OmapFormat.head.count) == OmapFormat.head else { throw input.damaged }
        var batch: [OmapFormat.Pair] = []
        var bytes: Int64 = 0
        while let key = try input.part() {
            guard let value = try input.part() else { throw input.damaged }
            batch.append(OmapFormat.Pair(key: key, value: value))
            bytes += OmapFormat.size(batch[batch.count - 1])
            guard batch.count >= 512 || bytes >= 1 << 20 else { continue }
            try store(batch)
            (batch, bytes) = ([], 0)
        }
        if !batch.isEmpty { try store(batch) }
    }

    private func store(_ pairs: [OmapFormat.Pair]) throws {
        let memory = pairs.flatMap { $0.key + $0.value }
        let code = try memory.withUnsafeBytes { memory in
            var place = 0
            var (keys, values): ([UnsafePointer<CChar>?], [UnsafePointer<CChar>?]) = ([], [])
            // librados takes no null pointer for an empty value.
            let start = memory.baseAddress.map { UnsafePointer($0.assumingMemoryBound(to: CChar.self)) }
            for pair in pairs {
                keys.append(start.map { $0 + place })
                values.append(start.map { $0 + place + pair.key.count })
                place += pair.key.count + pair.value.count
            }
            return try view.write(object) {
                rados_write_op_omap_set2($0, keys, values, pairs.map(\.key.count), pairs.map(\.value.count), pairs.count)
            }
        }
        if code == -EOPNOTSUPP {
            throw StorageError(
                .unsupported, expected: "a pool whose objects can have an omap", found: "an erasure-coded one", at: location,
                advice: "restore to a replicated pool")
        }
        guard code == 0 else { throw view.error(code, "an omap that can be stored", object) }
    }

    func abandon() {}
}

/// Reads the file back, from start to end.
private final class SpooledOmap {
    private let file: Int32
    private let location: String
    private var waiting: ArraySlice<UInt8> = []
    private var offset: off_t = 0

    init(_ file: Int32, _ location: String) { (self.file, self.location) = (file, location) }

    var damaged: StorageError {
        StorageError(
            .invalid, expected: "an omap as `ceph-rados` spells it", found: "something else", at: location,
            advice: "restore a copy of a `ceph-rados` system, made by this version or an older one")
    }

    /// What a length in front says; nil at the end.
    func part() throws(StorageError) -> [UInt8]? {
        if waiting.isEmpty, try !fill() { return nil }
        let length = try take(4).reduce(0) { $0 << 8 | Int($1) }
        return try take(length)
    }

    func take(_ count: Int) throws(StorageError) -> [UInt8] {
        var taken: [UInt8] = []
        while taken.count < count {
            if waiting.isEmpty, try !fill() { throw damaged }
            let part = waiting.prefix(count - taken.count)
            taken += part
            waiting = waiting.dropFirst(part.count)
        }
        return taken
    }

    /// False at the end.
    private func fill() throws(StorageError) -> Bool {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, count in
            let got = pread(file, buffer.baseAddress, buffer.count, offset)
            (failure, count) = (got < 0 ? errno : 0, max(got, 0))
        }
        guard failure == 0 else {
            throw StorageError(
                .failed, expected: "an omap read back from the scratch folder", found: String(cString: strerror(failure)), at: location,
                retry: .transient)
        }
        (waiting, offset) = (bytes[...], offset + off_t(bytes.count))
        return !bytes.isEmpty
    }
}
