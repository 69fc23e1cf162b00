import CLibCrypt
public import Crypto
import Foundation

/// How a file keeps a password or a token.
public enum PasswordHash: Sendable, Hashable {
    /// What crypt(5) names by a `$` at its beginning: bcrypt, yescrypt, SHA-512 and more. As `htpasswd -B` and `mkpasswd` write them.
    case crypt(String)
    /// `{SHA}` and the base64 of a SHA-1, as `htpasswd -s` writes it.
    case sha1([UInt8])
    /// The SHA-256 of a token that nobody can guess, so that it need not be slow.
    case token(SHA256Digest)

    /// Nil for what this machine's crypt can't verify.
    public init?(password text: String) {
        if text.hasPrefix("{SHA}"), let digest = Data(base64Encoded: String(text.dropFirst(5))), digest.count == 20 {
            self = .sha1([UInt8](digest))
        } else if text.hasPrefix("$"), [CRYPT_SALT_OK, CRYPT_SALT_METHOD_LEGACY, CRYPT_SALT_TOO_CHEAP].contains(crypt_checksalt(text)) {
            self = .crypt(text)
        } else {
            return nil
        }
    }

    /// Nil for what is no SHA-256 in hex.
    public init?(token text: String) {
        guard let digest = SHA256Digest(hex: text.lowercased()) else { return nil }
        self = .token(digest)
    }

    /// Blocks for as long as the hash is made to cost: bcrypt's usual 10 is about a tenth of a second.
    public func accepts(_ password: String) -> Bool {
        switch self {
        case .token(let digest): return SHA256.digest(Array(password.utf8)) == digest
        // Digests of digests: how long the comparison takes says nothing about them.
        case .sha1(let digest): return SHA256.digest(SHA1.digest(Array(password.utf8))) == SHA256.digest(digest)
        case .crypt(let hash):
            guard !password.utf8.contains(0) else { return false }
            var memory: UnsafeMutableRawPointer?
            var size: Int32 = 0
            defer { free(memory) }
            guard let found = crypt_ra(password, hash, &memory, &size) else { return false }
            return SHA256.digest(Array(String(cString: found).utf8)) == SHA256.digest(Array(hash.utf8))
        }
    }
}
