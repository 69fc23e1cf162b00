import CLibCrypto

/// The memory that libcrypto works in.
public enum CryptoMemory {
    /// From now on in pages of 2 MiB where it is much at once: half of the time of scrypt goes into touching 32 MiB page by page. For the start of a
    /// program: afterwards nothing changes.
    public static func useLargePages() { _ = large_pages_for_libcrypto() }

    /// It stays as it is when the program ends, as memory does: a thread that was still deriving a key has crashed in what was cleaned up under it. For the
    /// start of a program, after `useLargePages`.
    public static func staysToTheEnd() { _ = no_cleanup_by_libcrypto() }
}
