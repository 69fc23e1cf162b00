import Basics
import FlowModel
import Glibc
import StorageKit

/// The file system within an image, told by what is written where each kind has its mark.
enum InnerFileSystem: String, Sendable, CaseIterable {
    case ext4, xfs, vfat, iso9660, squashfs

    /// What mount(2) is told. What the image says of errors does not count: it may say that the machine is to stop.
    var options: String {
        switch self {
        case .ext4: "errors=remount-ro"
        // The image that this is a clone of may be mounted, with the same number.
        case .xfs: "nouuid"
        case .vfat, .iso9660, .squashfs: ""
        }
    }

    /// Throws when there is none that can be mounted here, with what there is.
    init(of file: Int32, at location: String) throws(StorageError) {
        let found = Self.allCases.first { $0.marks.contains { Self.holds(file, $0.bytes, at: $0.offset) } }
        guard let found else {
            throw StorageError(
                .unsupported, expected: "a file system in the image: \(Self.allCases.map(\.rawValue).joined(separator: ", "))",
                found: Self.other(file), at: location, advice: "copy it `as: image`, or declare the device of the file system itself")
        }
        self = found
    }

    private var marks: [(offset: Int64, bytes: [UInt8])] {
        switch self {
        case .ext4: [(1080, [0x53, 0xEF])]
        case .xfs: [(0, Array("XFSB".utf8))]
        case .vfat: [(54, Array("FAT".utf8)), (82, Array("FAT32".utf8))]
        case .iso9660: [(32769, Array("CD001".utf8))]
        case .squashfs: [(0, Array("hsqs".utf8))]
        }
    }

    private static func holds(_ file: Int32, _ bytes: [UInt8], at offset: Int64) -> Bool {
        var memory = [UInt8](repeating: 0, count: bytes.count)
        return pread(file, &memory, memory.count, off_t(offset)) == memory.count && memory == bytes
    }

    /// What is there instead, for people.
    private static func other(_ file: Int32) -> String {
        if holds(file, Array("EFI PART".utf8), at: 512) { return "a table of partitions (GPT)" }
        if holds(file, Array("_BHRfS_M".utf8), at: 65_600) { return "a btrfs, of which the kernel may take a clone for the original" }
        if holds(file, Array("LABELONE".utf8), at: 512) { return "a physical volume (LVM)" }
        if holds(file, Array("LUKS".utf8), at: 0) { return "an encrypted device (LUKS)" }
        if holds(file, Array("QFI".utf8), at: 0) { return "a qcow2 image" }
        return holds(file, [0x55, 0xAA], at: 510) ? "a table of partitions" : "none of them"
    }
}
