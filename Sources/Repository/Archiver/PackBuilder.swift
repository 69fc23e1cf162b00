import Crypto

/// A pack that is being filled in memory. Used by one thread at a time.
final class PackBuilder {
    /// A pack at least this long is finished.
    static let targetBytes = 16 << 20
    /// Blobs a pack may hold: its header stays far below the format's 16 MiB.
    static let maximumBlobs = 10_000

    private var bytes: [UInt8]
    private var used = 0
    /// Bytes that the pack's hash has taken.
    private var hashed = 0
    private(set) var blobs: [PackedBlob] = []
    private let hash = SHA256()

    /// `memory` is the array of a pack that is stored, to be used again.
    init(memory: [UInt8] = []) { bytes = memory }

    var isEmpty: Bool { blobs.isEmpty }
    var isFull: Bool { used >= Self.targetBytes || blobs.count >= Self.maximumBlobs }

    /// Room that is written to before it is read.
    private func makeRoom(_ count: Int) {
        guard used + count > bytes.count else { return }
        // Memory that nobody has written to costs nothing: room for a whole pack from the start, and no copying as it grows.
        let size = max(used + count, Self.targetBytes + (2 << 20))
        guard bytes.capacity < size else {
            return bytes.append(contentsOf: repeatElement(0, count: bytes.capacity - bytes.count))
        }
        bytes = [UInt8](unsafeUninitializedCapacity: size) { room, initialized in
            LargePages.advise(UnsafeMutableRawBufferPointer(room))
            bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(room).copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<used])) }
            initialized = size
        }
    }

    /// Seals a blob's content, compressed or not, straight into the pack.
    func add(_ key: BlobKey, _ content: UnsafeRawBufferPointer, plainLength: Int, _ sealer: Sealer) {
        let length = content.count + Sealer.overhead
        append(length) { sealer.seal(content, into: $0) }
        blobs.append(PackedBlob(key: key, offset: UInt32(used - length), length: UInt32(length), plainLength: UInt32(plainLength)))
    }

    /// Copies a blob that is sealed already.
    func add(sealed: UnsafeRawBufferPointer, _ blob: PackedBlob) {
        append(sealed.count) { $0.copyMemory(from: sealed) }
        blobs.append(PackedBlob(key: blob.key, offset: UInt32(used - sealed.count), length: blob.length, plainLength: blob.plainLength))
    }

    private func append(_ count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        makeRoom(count)
        bytes.withUnsafeMutableBytes { fill(UnsafeMutableRawBufferPointer(rebasing: $0[used..<used + count])) }
        used += count
    }

    /// Names a blob that may come into the pack or not. What the pack has taken meanwhile is hashed beside it.
    func digest(_ plain: UnsafeRawBufferPointer, _ blobHash: SHA256) -> ObjectID {
        bytes.withUnsafeBytes { SHA256.update(blobHash, plain, hash, UnsafeRawBufferPointer(rebasing: $0[hashed..<used])) }
        hashed = used
        return blobHash.finish()
    }

    /// Takes over what another builder holds.
    func absorb(_ other: PackBuilder) {
        other.bytes.withUnsafeBytes { bytes in
            for blob in other.blobs {
                add(sealed: UnsafeRawBufferPointer(rebasing: bytes[Int(blob.offset)..<Int(blob.offset) + Int(blob.length)]), blob)
            }
        }
    }

    func fits(_ other: PackBuilder) -> Bool {
        used + other.used <= Self.targetBytes && blobs.count + other.blobs.count <= Self.maximumBlobs
    }

    /// Adds the header and names the pack. The builder is spent.
    func finish(_ sealer: Sealer) -> FinishedPack {
        let header = sealer.seal(PackHeader.encode(blobs))
        append(header.count) { $0.copyBytes(from: header) }
        append(4) { $0.storeBytes(of: UInt32(header.count).littleEndian, as: UInt32.self) }
        bytes.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[hashed..<used])) }
        bytes.removeLast(bytes.count - used)
        return FinishedPack(index: IndexedPack(id: hash.finish(), blobs: blobs), bytes: bytes)
    }
}

/// A pack ready to be stored.
struct FinishedPack: Sendable {
    var index: IndexedPack
    var bytes: [UInt8]
}
