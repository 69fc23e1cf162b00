import Synchronization

/// How many bytes of unpacked lists are kept as they are in this process, all folders that anything has open together. What is more is packed again, and
/// takes about what is stored of it: a folder that is nearly nothing where it is stored is nearly nothing here, too.
enum MetadataRoom {
    private static let taken = Atomic(0)

    /// Bytes.
    static let most = 64 << 20

    /// False where there is no room for it.
    static func take(_ bytes: Int) -> Bool {
        guard taken.add(bytes, ordering: .relaxed).newValue <= most else {
            giveBack(bytes)
            return false
        }
        return true
    }

    static func giveBack(_ bytes: Int) { taken.subtract(bytes, ordering: .relaxed) }
}
