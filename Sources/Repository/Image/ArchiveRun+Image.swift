import Basics
import Crypto
import StorageKit
import Synchronization
import Threads

extension ArchiveRun {
    /// Reads of an image in flight: a storage system answers several at once sooner than one after another.
    private static let imageReaders = 4

    /// Stores an image as the file `node` of `directory`, whose listing it closes.
    func take(_ tree: ImageTree, _ node: Node, in directory: DirectoryAssembly, former: Node?) async throws {
        let slot = directory.reserve()
        try await closing(directory)
        counters.expect(tree.image.size)
        try await take(tree, node, in: directory, at: slot, former: former)
    }

    /// Stores an image as the file `node`, for which a place is reserved.
    func take(_ tree: ImageTree, _ node: Node, in directory: DirectoryAssembly, at slot: Int, former: Node?) async throws {
        let zeros = ZeroBlobs()
        let former = former?.type == "file" ? former : nil
        let readers = BlockingPool(label: "image", width: Self.imageReaders)
        let plan = try await extentsToRead(tree, former, zeros, readers)
        counters.passed(tree.image.size - plan.reads.reduce(0) { $0 + Int64(plan.layout.range($1).count) })
        counters.reading(tree.logicalPath)
        let assembly = ImageAssembly(plan, node, former: former, zeros: zeros, in: directory, slot: slot)
        let turns = Turns()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.imageReaders {
                group.addTask { [self] in
                    try await breakdown.guarding {
                        try await readers.run { try self.read(tree.image, plan, assembly, turns) }
                    }
                }
            }
            try await group.waitForAll()
        }
        tree.note { $0.read += plan.reads.count }
        try await pool.run { [walkSaver] in try assembly.finish(walkSaver.saver) }
    }

    /// One thread's share of the extents to be read.
    private func read(_ image: any ImageReader, _ plan: ImagePlan, _ assembly: ImageAssembly, _ turns: Turns) throws {
        var open: ReadBuffer?
        func send() throws {
            guard let full = open else { return }
            open = nil
            nonisolated(unsafe) let handed = full
            try queue.put(handed)
        }
        while case let turn = turns.next(), turn < plan.reads.count {
            try breakdown.check()
            let index = plan.reads[turn]
            let range = plan.layout.range(index)
            let count = Int(range.upperBound - range.lowerBound)
            let buffer = try open ?? empty(for: image, plan.layout)
            open = buffer
            let place = buffer.used..<buffer.used + count
            let bytes = buffer.bytes
            let slice = UnsafeMutableRawBufferPointer(rebasing: bytes[place])
            try image.read(into: slice, at: range.lowerBound)
            counters.read(count)
            counters.passed(Int64(count))
            if ZeroBlobs.isZero(UnsafeRawBufferPointer(slice)) {
                assembly.empty(index)
                continue
            }
            buffer.pieces.append(ReadBuffer.Piece(range: place, file: assembly, index: index))
            buffer.used = place.upperBound
            if buffer.used >= ReadBuffer.fullBytes || buffer.used + Int(plan.layout.extentSize) > bytes.count { try send() }
        }
        try send()
    }

    /// A buffer whose bytes are the image's own, where it has some to lend.
    private func empty(for image: any ImageReader, _ layout: ImageLayout) throws -> ReadBuffer {
        let buffer = try buffers.take()
        buffer.lent = image.lend(max(Int(layout.extentSize), ReadBuffer.fullBytes))
        return buffer
    }

    // MARK: what to read

    private func extentsToRead(_ tree: ImageTree, _ former: Node?, _ zeros: ZeroBlobs, _ readers: BlockingPool) async throws -> ImagePlan {
        let (plan, layout) = try await readers.run { [self] in try firstPlan(tree, former, zeros) }
        guard let layout else { return plan }
        guard try await sampleAgrees(tree, plan, layout, readers) else {
            tree.note {
                $0.baseRefused = "the source called an extent unchanged that had changed"
                $0.sourceWasWrong = true
            }
            return try await readers.run {
                ImagePlan(
                    size: plan.layout.size, extentSize: plan.layout.extentSize, allocated: try tree.image.allocatedExtents(), since: nil)
            }
        }
        tree.note { $0.reused = plan.reused.count }
        return plan
    }

    /// What the source says is to be read, and the layout that the rest is taken from, where there is one.
    private func firstPlan(_ tree: ImageTree, _ former: Node?, _ zeros: ZeroBlobs) throws -> (plan: ImagePlan, former: ImageLayout?) {
        let image = tree.image
        let ids = former?.content ?? []
        let sizes = index.dataSizes(ids)
        let inherited = ImageLayout.extentSize(of: ids, zeros: zeros) { sizes[$0] }
        let extentSize = try extentSize(of: tree, inherited: inherited)
        tree.note {
            $0.extentSize = extentSize
            $0.extents = ImageLayout.count(size: image.size, extentSize: extentSize)
        }
        func whole() throws -> ImagePlan {
            ImagePlan(size: image.size, extentSize: extentSize, allocated: try image.allocatedExtents(), since: nil)
        }
        guard let base = tree.base, let former else { return (try whole(), nil) }
        let layout = ImageLayout(content: ids, size: Int64(clamping: former.size), extentSize: extentSize, zeros: zeros) { sizes[$0] }
        guard let layout else {
            tree.note { $0.baseRefused = "its snapshot was cut into extents of another size" }
            return (try whole(), nil)
        }
        guard let changes = try image.changes(since: base.token) else {
            tree.note { $0.baseRefused = "the source does not have its point in time any more" }
            return (try whole(), nil)
        }
        let since = (former: layout, changed: changes.ranges)
        let asked = ImagePlan.toLookAt(size: image.size, extentSize: extentSize, since: since, filled: changes.filled)
        let allocated = try changes.filled + image.allocatedExtents(within: asked)
        return (ImagePlan(size: image.size, extentSize: extentSize, allocated: allocated, since: since), layout)
    }

    /// Declared, else the parent's, else a mebibyte or the source's granularity, whichever is more.
    private func extentSize(of tree: ImageTree, inherited: Int64?) throws -> Int64 {
        let allowed = ImageOptions.smallestExtent.bytes...ImageOptions.largestExtent.bytes
        if let declared = tree.options.extent?.bytes {
            guard allowed.contains(declared), declared.nonzeroBitCount == 1 else {
                throw StorageError(
                    .invalid, expected: "an extent size that is a power of two, from 64KiB to 8MiB", found: declared.counted("byte"),
                    at: "/\(tree.logicalPath)", advice: "leave it out for the size that fits the source")
            }
            return declared
        }
        if let inherited, allowed.contains(inherited) { return inherited }
        return min(max(1 << 20, tree.image.granularity), allowed.upperBound)
    }

    /// Reads some of the extents that the source calls unchanged and compares them with what the parent holds.
    private func sampleAgrees(_ tree: ImageTree, _ plan: ImagePlan, _ former: ImageLayout, _ readers: BlockingPool) async throws -> Bool {
        let chosen = plan.sample(tree.options.samples(beside: plan.reads.count))
        let turns = Turns()
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<Self.imageReaders {
                group.addTask { [self] in try await readers.run { try self.compare(chosen, turns, tree, former) } }
            }
            return try await group.reduce(true) { $0 && $1 }
        }
    }

    /// One thread's share of a sample; false when an extent differs.
    private func compare(_ chosen: [Int], _ turns: Turns, _ tree: ImageTree, _ former: ImageLayout) throws -> Bool {
        let room = tree.image.lend(Int(former.extentSize)) ?? .own(Int(former.extentSize))
        return try withExtendedLifetime(room) {
            while case let turn = turns.next(), turn < chosen.count {
                try breakdown.check()
                let index = chosen[turn]
                let range = former.range(index)
                let slice = UnsafeMutableRawBufferPointer(rebasing: room.bytes[..<Int(range.upperBound - range.lowerBound)])
                try tree.image.read(into: slice, at: range.lowerBound)
                tree.note { $0.sampled += 1 }
                let bytes = UnsafeRawBufferPointer(slice)
                let found: ImageLayout.Extent = ZeroBlobs.isZero(bytes) ? .zero : .blob(SHA256.digest(bytes))
                guard found == former.extents[index] else { return false }
            }
            return true
        }
    }
}

/// Counts up; each number goes to one thread.
private final class Turns: Sendable {
    private let count = Atomic(0)
    func next() -> Int { count.add(1, ordering: .relaxed).oldValue }
}
