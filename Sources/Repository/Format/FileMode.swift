import StorageKit

/// Kind and permissions as bits of Go's os.FileMode.
enum FileMode {
    private static let kinds: [(FileKind, UInt32)] = [
        (.directory, 1 << 31), (.symbolicLink, 1 << 27), (.fifo, 1 << 25), (.socket, 1 << 24), (.characterDevice, 1 << 26 | 1 << 21),
        (.blockDevice, 1 << 26),
    ]
    /// setuid, setgid, sticky: st_mode's bit and Go's.
    private static let special: [(UInt16, UInt32)] = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)]

    static func bits(kind: FileKind, permissions: UInt16) -> UInt32 {
        var bits = UInt32(permissions & 0o777)
        for (known, value) in kinds where known == kind { bits |= value }
        for (posix, value) in special where permissions & posix != 0 { bits |= value }
        return bits
    }

    static func permissions(of bits: UInt32) -> UInt16 {
        var permissions = UInt16(bits & 0o777)
        for (posix, value) in special where bits & value != 0 { permissions |= posix }
        return permissions
    }
}
