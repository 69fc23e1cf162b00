import Crypto
import Basics
import StorageKit

/// What is in a pack. Its own header says it, and indexes do; where they differ, or the pack is not as it should be, neither is believed:
/// a blob is where it opens, decompresses and hashes to its name.
struct PackEvidence {
    let store: any ObjectStore
    let key: SealKey

    /// What is whole in a pack, with the bytes, and all that it was said to hold.
    struct Findings {
        /// As they are sealed.
        var whole: [(blob: PackedBlob, sealed: [UInt8])] = []
        /// The blobs that the header names, where it can be read.
        var header: [PackedBlob]?
        /// Everything that the header or an index names.
        var claims: Set<PackedBlob> = []
        /// False where no store has the pack.
        var isThere = false

        var blobs: [PackedBlob] { whole.map(\.blob) }
    }

    /// The blobs that a pack's header names. Throws `.damaged` where it can't be read, or where the pack is not as long as it says.
    func header(of id: ObjectID, _ size: Int64) async throws -> [PackedBlob] {
        let name = ObjectNames.pack(id)
        let location = "\(store.properties.location)/\(name)"
        guard size > 4 else { throw RepositoryError.damaged(location, expected: "a pack", found: size.counted("byte")) }
        let length = try await store.get(name, range: size - 4..<size).withUnsafeBytes {
            Int64(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)))
        }
        guard length >= Int64(Sealer.overhead), length <= Int64(PackHeader.maximumBytes), length + 4 <= size else {
            throw RepositoryError.damaged(location, expected: "a header within the pack", found: "a length of \(length)")
        }
        let sealed = try await store.get(name, range: size - 4 - length..<size - 4)
        let plain = try sealed.withUnsafeBytes { try Sealer(key).open($0) }
        let pack = IndexedPack(id: id, blobs: try PackHeader.decode(plain, at: location))
        guard pack.size == size else {
            throw RepositoryError.damaged(
                location, expected: "\(pack.size.counted("byte")), as its header says", found: size.counted("byte"))
        }
        return pack.blobs
    }

    /// The headers of several packs, read side by side; in the order of the packs' ids, each with what is wrong with it.
    func headers(
        of packs: [(id: ObjectID, size: Int64)], _ progress: ((Int, Int) -> Void)? = nil
    ) async throws -> [(id: ObjectID, header: Result<[PackedBlob], any Error>)] {
        var found: [(id: ObjectID, header: Result<[PackedBlob], any Error>)] = []
        try await withThrowingTaskGroup(of: (ObjectID, Result<[PackedBlob], any Error>).self) { group in
            var rest = packs[...]
            func begin() {
                guard let (id, size) = rest.popFirst() else { return }
                group.addTask {
                    do {
                        return (id, .success(try await header(of: id, size)))
                    } catch let error as any ExplainedError where error.isDamage || (error as? StorageError)?.kind == .failed {
                        return (id, .failure(error))
                    }
                }
            }
            for _ in 0...store.properties.connections { begin() }
            while let (id, header) = try await group.next() {
                try Task.checkCancellation()
                found.append((id, header))
                progress?(found.count, packs.count)
                begin()
            }
        }
        return found.sorted { $0.id < $1.id }
    }

    /// Reads the pack, from every store that should have it, and a second time where something is not whole: a line may have a bad moment, and each store
    /// may have damaged another part. Throws what keeps a store from answering: what can't be read now is not lost.
    func findings(in id: ObjectID, said: Set<PackedBlob>) async throws -> Findings {
        var found = Findings()
        found.claims = said
        var left = said
        for copy in store.copies + store.copies {
            try Task.checkCancellation()
            do {
                let bytes = try await copy.get(ObjectNames.pack(id))
                found.isThere = true
                if found.header == nil, let header = try? PackReading.header(of: bytes, "", key) {
                    found.header = header
                    left.formUnion(Set(header).subtracting(found.claims))
                    found.claims.formUnion(header)
                }
                for blob in PackReading.whole(bytes, left, in: id, key) {
                    found.whole.append((blob, Array(bytes[Int(blob.range.lowerBound)..<Int(blob.range.upperBound)])))
                }
            } catch let error as StorageError where error.kind == .notFound {
                continue
            } catch let error as StorageError where error.kind == .failed || error.kind == .truncated {
                found.isThere = true
                found.whole += try await readable(left, in: id, copy, after: error)
            }
            left.subtract(found.blobs)
            if left.isEmpty { break }
        }
        found.whole.sort { $0.blob.offset < $1.blob.offset }
        return found
    }

    /// Blob by blob, where the whole pack can't be read: a disk with a bad sector gives out the rest. Where nothing comes at all, that is no word on the pack.
    private func readable(
        _ blobs: Set<PackedBlob>, in id: ObjectID, _ copy: any ObjectStore, after failure: StorageError
    ) async throws -> [(blob: PackedBlob, sealed: [UInt8])] {
        var whole: [(blob: PackedBlob, sealed: [UInt8])] = []
        var hasAnswered = false
        for blob in blobs {
            do {
                let sealed = try await copy.get(ObjectNames.pack(id), range: blob.range)
                hasAnswered = true
                var alone = blob
                alone.offset = 0
                if !PackReading.whole(sealed, [alone], in: id, key).isEmpty { whole.append((blob, sealed)) }
            } catch let error as StorageError where error.kind == .failed || error.kind == .truncated {}
        }
        guard hasAnswered else { throw failure }
        return whole
    }
}
