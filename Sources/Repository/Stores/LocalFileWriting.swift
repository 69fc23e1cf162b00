import Basics
import Foundation
import HostKit
import StorageKit
import Synchronization
#if canImport(Glibc)
    import Glibc
#endif

/// Writes an object's file: durable and whole under its name, or not at all.
///
/// Large files go past the page cache: buffered pack writes cost up to 3.8 s of kernel time a GiB against 0.1 s, and would
/// drive the source out of the cache.
enum LocalFileWriting {
    private static let directThreshold = 1 << 20
    private static let alignment = 4096
    private static let bounceBytes = LargePages.size

    /// What has a name before it is whole has this in it, as restic's own files do.
    static let unfinished = "-tmp-"

    static func temporaryName(_ target: String) -> String {
        target + unfinished + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// Refuses (EEXIST) a name that is taken.
    static func write(_ bytes: [UInt8], as target: String) throws {
        do {
            let isLarge = bytes.count >= directThreshold
            let file = try NewFile(target: target, isDirect: isLarge, temporary: temporaryName)
            if isLarge, case let failure = posix_fallocate(file.descriptor, 0, off_t(bytes.count)),
                [ENOSPC, EDQUOT, EFBIG].contains(failure)
            {
                throw LocalError.of(failure, at: target, doing: "room for \(bytes.count.counted("byte"))")
            }
            try bytes.withUnsafeBytes { bytes in
                if file.isDirect {
                    try writeDirect(bytes, to: file.descriptor, target)
                } else {
                    try writeAll(bytes, at: 0, to: file.descriptor, target)
                }
            }
            try file.publish()
        } catch let failure as FileFailure {
            throw LocalError.of(failure.code, at: failure.path, doing: failure.expected)
        }
    }

    /// Aligned memory, used again: as many as ever were in use at once stay.
    private final class Bounce: @unchecked Sendable {  // used by whoever has taken it
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: bounceBytes, alignment: LargePages.size)
        private static let free = Mutex<[Bounce]>([])

        private init() { LargePages.advise(bytes) }
        deinit { bytes.deallocate() }

        static func take() -> Bounce { free.withLock { $0.popLast() } ?? Bounce() }
        func giveBack() { Self.free.withLock { $0.append(self) } }
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, at start: Int, to descriptor: Int32, _ path: String) throws {
        var done = 0
        while done < bytes.count {
            let put = pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(start + done))
            if put < 0, errno == EINTR { continue }
            guard put > 0 else {
                throw LocalError.of(put == 0 ? ENOSPC : errno, at: path, doing: "room for \(bytes.count.counted("byte"))")
            }
            done += put
        }
    }

    /// Direct I/O wants aligned memory, offsets and lengths: parts are copied through a buffer that stays in the processor's cache,
    /// and the last one is written whole, then cut off.
    private static func writeDirect(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws {
        let taken = Bounce.take()
        defer { taken.giveBack() }
        let bounce = taken.bytes
        var done = 0
        while done < bytes.count {
            let part = min(bounceBytes, bytes.count - done)
            bounce.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[done..<done + part]))
            let padded = (part + alignment - 1) / alignment * alignment
            if padded > part {
                UnsafeMutableRawBufferPointer(rebasing: bounce[part..<padded]).initializeMemory(as: UInt8.self, repeating: 0)
            }
            try writeAll(UnsafeRawBufferPointer(rebasing: bounce[..<padded]), at: done, to: descriptor, path)
            done += part
        }
        guard ftruncate(descriptor, off_t(bytes.count)) == 0 else { throw LocalError.of(errno, at: path, doing: "a file of exact length") }
    }
}
