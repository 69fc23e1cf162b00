#if canImport(Glibc)
    import Glibc
#endif

/// Memory in pages of 2 MiB where the system gives them (madvise(2), MADV_HUGEPAGE): each page of 4 KiB that is touched for the first time costs
/// a fault, and those of a pack's memory cost as much as sealing the pack.
enum LargePages {
    static let size = 2 << 20

    /// For memory that is about to be filled. A wish: nothing depends on it.
    static func advise(_ memory: UnsafeMutableRawBufferPointer) {
        #if os(Linux)
            guard let base = memory.baseAddress else { return }
            let start = base.alignedUp(toMultipleOf: size)
            let end = (base + memory.count).alignedDown(toMultipleOf: size)
            if start < end { madvise(start, end - start, MADV_HUGEPAGE) }
        #endif
    }
}
