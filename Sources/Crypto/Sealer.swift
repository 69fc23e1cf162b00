import CLibCrypto
public import Basics

/// Seals and opens with one key: nonce (16) ‖ AES-256-CTR ciphertext ‖ Poly1305-AES MAC of the ciphertext (16).
///
/// Holds libcrypto's contexts, so that a message costs no set-up: one object a thread.
/// Source: restic design document, "Keys, Encryption and MAC"; D. J. Bernstein, "The Poly1305-AES message-authentication code" (2005).
public final class Sealer {
    /// Bytes that sealing adds.
    public static let overhead = 32
    static let nonceBytes = 16
    static let macBytes = 16

    private let key: SealKey
    private let stream: OpaquePointer
    private let block: OpaquePointer
    private let mac: OpaquePointer

    public init(_ key: SealKey) {
        self.key = key
        guard let stream = EVP_CIPHER_CTX_new(), let block = EVP_CIPHER_CTX_new(), let mac = EVP_MAC_CTX_new(Self.poly1305),
            EVP_EncryptInit_ex2(stream, Self.aes256, key.encrypt, nil, nil) == 1,
            EVP_EncryptInit_ex2(block, Self.aes128, key.macK, nil, nil) == 1,
            EVP_CIPHER_CTX_set_padding(block, 0) == 1
        else { preconditionFailure("libcrypto made no contexts") }
        self.stream = stream
        self.block = block
        self.mac = mac
    }

    deinit {
        EVP_CIPHER_CTX_free(stream)
        EVP_CIPHER_CTX_free(block)
        EVP_MAC_CTX_free(mac)
    }

    private nonisolated(unsafe) static let aes256 = fetched(EVP_CIPHER_fetch(nil, "AES-256-CTR", nil))
    private nonisolated(unsafe) static let aes128 = fetched(EVP_CIPHER_fetch(nil, "AES-128-ECB", nil))
    private nonisolated(unsafe) static let poly1305 = fetched(EVP_MAC_fetch(nil, "POLY1305", nil))

    private static func fetched(_ algorithm: OpaquePointer?) -> OpaquePointer {
        guard let algorithm else { preconditionFailure("libcrypto lacks an algorithm of its default provider") }
        return algorithm
    }

    /// Seals under a fresh random nonce. `sealed` has exactly `overhead` bytes more than `plain`; they do not overlap.
    public func seal(_ plain: UnsafeRawBufferPointer, into sealed: UnsafeMutableRawBufferPointer) {
        RandomBytes.fill(UnsafeMutableRawBufferPointer(rebasing: sealed[..<Self.nonceBytes]))
        sealUnderNonce(plain, into: sealed)
    }

    public func seal(_ plain: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: plain.count + Self.overhead) { out, count in
            plain.withUnsafeBytes {
                seal(
                    $0, into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(out)[..<(plain.count + Self.overhead)]))
            }
            count = plain.count + Self.overhead
        }
    }

    /// As `seal`, with the nonce that stands in the first bytes of `sealed`. No nonce may be used twice: vectors only.
    func sealUnderNonce(_ plain: UnsafeRawBufferPointer, into sealed: UnsafeMutableRawBufferPointer) {
        precondition(sealed.count == plain.count + Self.overhead, "a sealed message is 32 bytes longer")
        let body = UnsafeMutableRawBufferPointer(rebasing: sealed[Self.nonceBytes..<Self.nonceBytes + plain.count])
        crypt(plain, into: body, nonce: UnsafeRawBufferPointer(rebasing: sealed[..<Self.nonceBytes]))
        authenticate(
            UnsafeRawBufferPointer(sealed), into: UnsafeMutableRawBufferPointer(rebasing: sealed[(Self.nonceBytes + plain.count)...]))
    }

    /// Whether the MAC is right: what was sealed is what is there.
    public func isAuthentic(_ sealed: UnsafeRawBufferPointer) -> Bool {
        guard sealed.count >= Self.overhead else { return false }
        return withUnsafeTemporaryAllocation(byteCount: Self.macBytes, alignment: 16) { tag in
            authenticate(sealed, into: tag)
            return CRYPTO_memcmp(tag.baseAddress, sealed.baseAddress.map { $0 + sealed.count - Self.macBytes }, Self.macBytes) == 0
        }
    }

    /// Opens into `plain`, which has exactly `overhead` bytes less. Nothing is written when the MAC is wrong.
    public func open(_ sealed: UnsafeRawBufferPointer, into plain: UnsafeMutableRawBufferPointer) throws(Explanation) {
        guard sealed.count >= Self.overhead, isAuthentic(sealed) else {
            throw Explanation(
                .notAuthentic, expected: "\(sealed.count.counted("byte")) sealed with this repository's key",
                found: "a wrong authentication code",
                at: "sealed data", advice: "the bytes are damaged or belong to another repository")
        }
        precondition(plain.count == sealed.count - Self.overhead, "an opened message is 32 bytes shorter")
        crypt(
            UnsafeRawBufferPointer(rebasing: sealed[Self.nonceBytes..<(sealed.count - Self.macBytes)]), into: plain,
            nonce: UnsafeRawBufferPointer(rebasing: sealed[..<Self.nonceBytes]))
    }

    public func open(_ sealed: UnsafeRawBufferPointer) throws(Explanation) -> [UInt8] {
        var plain = [UInt8](repeating: 0, count: max(sealed.count - Self.overhead, 0))
        var failure: Explanation?
        plain.withUnsafeMutableBytes { plain in
            do throws(Explanation) { try open(sealed, into: plain) } catch { failure = error }
        }
        if let failure { throw failure }
        return plain
    }

    public func open(_ sealed: [UInt8]) throws(Explanation) -> [UInt8] {
        let result: Result<[UInt8], Explanation> = sealed.withUnsafeBytes { bytes in
            do throws(Explanation) { return .success(try open(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Counter mode is its own inverse.
    private func crypt(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, nonce: UnsafeRawBufferPointer) {
        guard EVP_EncryptInit_ex2(stream, nil, nil, nonce.bindMemory(to: UInt8.self).baseAddress, nil) == 1 else {
            preconditionFailure("AES-256-CTR did not start")
        }
        var written: Int32 = 0
        var offset = 0
        while offset < input.count {  // libcrypto counts in 32 bits
            let part = min(input.count - offset, 1 << 30)
            let from = UnsafeRawBufferPointer(rebasing: input[offset..<offset + part]).bindMemory(to: UInt8.self).baseAddress
            let to = UnsafeMutableRawBufferPointer(rebasing: output[offset..<offset + part]).bindMemory(to: UInt8.self).baseAddress
            guard EVP_EncryptUpdate(stream, to, &written, from, Int32(part)) == 1, Int(written) == part else {
                preconditionFailure("AES-256-CTR stopped")
            }
            offset += part
        }
    }

    /// Poly1305 over the ciphertext of `sealed` under r ‖ AES-128(k, nonce). libcrypto clamps r itself.
    private func authenticate(_ sealed: UnsafeRawBufferPointer, into tag: UnsafeMutableRawBufferPointer) {
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 16) { once in
            once.copyMemory(from: key.macR)
            let words = once.bindMemory(to: UInt8.self)
            var written: Int32 = 0
            var length = 0
            let body = sealed.bindMemory(to: UInt8.self).baseAddress
            guard EVP_EncryptUpdate(block, words.baseAddress.map { $0 + 16 }, &written, body, 16) == 1,
                EVP_MAC_init(mac, words.baseAddress, 32, nil) == 1,
                EVP_MAC_update(mac, body.map { $0 + Self.nonceBytes }, sealed.count - Self.overhead) == 1,
                EVP_MAC_final(mac, tag.bindMemory(to: UInt8.self).baseAddress, &length, Self.macBytes) == 1
            else { preconditionFailure("Poly1305 stopped") }
            OPENSSL_cleanse(once.baseAddress, once.count)
        }
    }
}
