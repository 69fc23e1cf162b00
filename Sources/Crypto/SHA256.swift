import CLibCrypto

/// SHA-256 (FIPS 180-4). One object hashes one message after another with the same context; used by one thread at a time.
public final class SHA256 {
    private let context: OpaquePointer

    public init() {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("libcrypto has no memory for a digest") }
        self.context = context
        reset()
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Fetched once: looking an algorithm up costs more than hashing a small message.
    private nonisolated(unsafe) static let algorithm: OpaquePointer = {
        guard let algorithm = EVP_MD_fetch(nil, "SHA256", nil) else { preconditionFailure("libcrypto offers no SHA-256") }
        return algorithm
    }()

    private func reset() {
        guard EVP_DigestInit_ex2(context, Self.algorithm, nil) == 1 else { preconditionFailure("SHA-256 did not start") }
    }

    public func update(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    public func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// Ends the message; the next `update` begins another.
    public func finish() -> SHA256Digest {
        var out: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let digest = withUnsafeMutableBytes(of: &out) { out in
            EVP_DigestFinal_ex(context, out.bindMemory(to: UInt8.self).baseAddress, nil)
            return SHA256Digest(bytes: UnsafeRawBufferPointer(out))
        }
        reset()
        return digest
    }

    /// Hashes a whole message with this object's context.
    public func digest(_ bytes: UnsafeRawBufferPointer) -> SHA256Digest {
        update(bytes)
        return finish()
    }

    public static func digest(_ bytes: UnsafeRawBufferPointer) -> SHA256Digest { SHA256().digest(bytes) }
    public static func digest(_ bytes: [UInt8]) -> SHA256Digest { bytes.withUnsafeBytes { digest($0) } }

    /// 64 lower-case hex digits.
    public static func hex(_ bytes: [UInt8]) -> String { digest(bytes).hex }
}
