import CLibCrypto

/// The keys under which a repository's objects are sealed: AES-256 for the content, AES-128 and Poly1305's r for the MAC.
///
/// The bytes live in memory of their own, which is wiped when the key is released; they are never printed.
public final class SealKey: @unchecked Sendable {  // the memory is written in init alone
    /// encrypt (32) ‖ k (16) ‖ r (16), the layout in which scrypt yields them (restic design document, "Keys, Encryption and MAC").
    let memory: UnsafeMutableRawBufferPointer

    public static let byteCount = 64

    /// Takes the three parts. Nil when a length is wrong or a part is all zero, which no generator yields.
    public convenience init?(encrypt: [UInt8], macK: [UInt8], macR: [UInt8]) {
        guard encrypt.count == 32, macK.count == 16, macR.count == 16 else { return nil }
        for part in [encrypt, macK, macR] where part.allSatisfy({ $0 == 0 }) { return nil }
        self.init { memory in
            encrypt.withUnsafeBytes { memory.copyMemory(from: $0) }
            macK.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: memory[32...]).copyMemory(from: $0) }
            macR.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: memory[48...]).copyMemory(from: $0) }
        }
    }

    init(filling body: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        memory = .allocate(byteCount: Self.byteCount, alignment: 16)
        try body(memory)
    }

    deinit {
        OPENSSL_cleanse(memory.baseAddress, memory.count)
        memory.deallocate()
    }

    /// A new random key.
    public static func random() -> SealKey { SealKey { RandomBytes.fill($0) } }

    /// Lends the parts for the one place that stores them: the sealed master key of a key file. The copies are the caller's to wipe.
    public func withParts<Value>(_ body: (_ encrypt: [UInt8], _ macK: [UInt8], _ macR: [UInt8]) throws -> Value) rethrows -> Value {
        try body(Array(memory[0..<32]), Array(memory[32..<48]), Array(memory[48..<64]))
    }

    var encrypt: UnsafePointer<UInt8>? { UnsafePointer(memory.bindMemory(to: UInt8.self).baseAddress) }
    var macK: UnsafePointer<UInt8>? { encrypt.map { $0 + 32 } }
    var macR: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[48..<64]) }
}
