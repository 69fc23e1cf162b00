import CLinux

extension Kernel {
    /// Where a part of a file lies on its disk (linux/fiemap.h). Bytes.
    public struct Extent: Sendable, Hashable {
        public var logical: UInt64
        public var physical: UInt64
        public var length: UInt64
        /// FIEMAP_EXTENT_*.
        public var flags: UInt32
    }

    /// Up to `most` extents from the byte `start` on, after what is in memory was written; nil where the file system does not tell
    /// (FS_IOC_FIEMAP).
    public static func extents(of file: Int32, from start: UInt64, most: UInt32) -> [Extent]? {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: Int(linux_extent_map_size(most)), alignment: 16)
        defer { memory.deallocate() }
        let count = linux_map_extents(file, start, memory, most)
        guard count >= 0 else { return nil }
        return (0..<count).map {
            let extent = linux_mapped_extent(memory, $0)
            return Extent(logical: extent.fe_logical, physical: extent.fe_physical, length: extent.fe_length, flags: extent.fe_flags)
        }
    }
}
