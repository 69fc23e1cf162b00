import CLibCrypto

/// MD5 (RFC 1321), for servers that know no better name for what they store; never for what must not be forged.
public enum MD5 {
    /// 32 lower-case hex digits.
    public static func hex(_ bytes: UnsafeRawBufferPointer) -> String {
        var out = [UInt8](repeating: 0, count: 16)
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("libcrypto has no memory for a digest") }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex(context, EVP_md5(), nil) == 1 else { preconditionFailure("MD5 did not start") }
        if let start = bytes.baseAddress { EVP_DigestUpdate(context, start, bytes.count) }
        EVP_DigestFinal_ex(context, &out, nil)
        return out.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    public static func hex(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { hex($0) } }
}
