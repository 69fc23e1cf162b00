import CLibCrypto

/// SHA-1 (FIPS 180-4): for what older programs stored, never for anything new.
public enum SHA1 {
    /// 20 bytes.
    public static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: 20)
        var count = out.count
        guard EVP_Q_digest(nil, "SHA1", nil, bytes, bytes.count, &out, &count) == 1, count == out.count else {
            preconditionFailure("libcrypto offers no SHA-1")
        }
        return out
    }
}
