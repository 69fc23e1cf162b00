import CLibCrypto

/// HMAC over SHA-256 (RFC 2104).
public enum HMACSHA256 {
    /// The code of a whole message.
    public static func code(_ message: [UInt8], key: [UInt8]) -> SHA256Digest {
        var out = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
        var length = 0
        let done = EVP_Q_mac(nil, "HMAC", nil, "SHA256", nil, key, key.count, message, message.count, &out, out.count, &length)
        precondition(done != nil && length == out.count, "HMAC-SHA256 stopped")
        return out.withUnsafeBytes { SHA256Digest(bytes: $0) }
    }

    /// Compares in time that does not depend on where they differ.
    public static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }
}
