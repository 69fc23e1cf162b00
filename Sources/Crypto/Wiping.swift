import CLibCrypto

extension [UInt8] {
    /// Overwrites the bytes in a way that no optimiser removes, then empties the array. Copies made before stay.
    public mutating func wipe() {
        withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
        removeAll()
    }
}
