import CLibCrypto
import CSHA256

/// SHA-256 (FIPS 180-4). One object hashes one message after another; used by one thread at a time.
///
/// By instructions of the processor where `CSHA256` knows them, which hashes two messages in hardly more time than one; by libcrypto elsewhere.
public final class SHA256 {
    private enum Way {
        case blocks(SHA256Blocks)
        case libcrypto(OpaquePointer)
    }

    private let way: Way

    public convenience init() { self.init(byBlocks: SHA256Blocks.isAvailable) }

    /// Which way is for tests to say.
    init(byBlocks: Bool) {
        if byBlocks {
            way = .blocks(SHA256Blocks())
        } else {
            guard let context = EVP_MD_CTX_new() else { preconditionFailure("libcrypto has no memory for a digest") }
            Self.begin(context)
            way = .libcrypto(context)
        }
    }

    deinit { if case .libcrypto(let context) = way { EVP_MD_CTX_free(context) } }

    /// Fetched once: looking an algorithm up costs more than hashing a small message.
    private nonisolated(unsafe) static let algorithm: OpaquePointer = {
        guard let algorithm = EVP_MD_fetch(nil, "SHA256", nil) else { preconditionFailure("libcrypto offers no SHA-256") }
        return algorithm
    }()

    private static func begin(_ context: OpaquePointer) {
        guard EVP_DigestInit_ex2(context, algorithm, nil) == 1 else { preconditionFailure("SHA-256 did not start") }
    }

    public func update(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        switch way {
        case .blocks(let blocks): blocks.update(bytes)
        case .libcrypto(let context): EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        }
    }

    public func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// Adds to two messages, of different objects, at once.
    public static func update(
        _ first: SHA256, _ firstBytes: UnsafeRawBufferPointer, _ second: SHA256, _ secondBytes: UnsafeRawBufferPointer
    ) {
        precondition(first !== second, "two messages are two objects")
        if case .blocks(let one) = first.way, case .blocks(let other) = second.way {
            SHA256Blocks.update(one, firstBytes, other, secondBytes)
        } else {
            first.update(firstBytes)
            second.update(secondBytes)
        }
    }

    /// Ends the message; the next `update` begins another.
    public func finish() -> SHA256Digest {
        switch way {
        case .blocks(let blocks): return blocks.finish()
        case .libcrypto(let context):
            return withUnsafeTemporaryAllocation(byteCount: SHA256Digest.byteCount, alignment: 8) { out in
                EVP_DigestFinal_ex(context, out.bindMemory(to: UInt8.self).baseAddress, nil)
                Self.begin(context)
                return SHA256Digest(bytes: UnsafeRawBufferPointer(out))
            }
        }
    }

    /// Hashes a whole message with this object.
    public func digest(_ bytes: UnsafeRawBufferPointer) -> SHA256Digest {
        update(bytes)
        return finish()
    }

    public static func digest(_ bytes: UnsafeRawBufferPointer) -> SHA256Digest { SHA256().digest(bytes) }
    public static func digest(_ bytes: [UInt8]) -> SHA256Digest { bytes.withUnsafeBytes { digest($0) } }

    /// 64 lower-case hex digits.
    public static func hex(_ bytes: [UInt8]) -> String { digest(bytes).hex }
}
