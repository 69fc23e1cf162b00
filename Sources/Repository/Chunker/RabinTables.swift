/// What one polynomial's rolling hash needs, computed once a repository (restic/chunker, chunker.go).
final class RabinTables: Sendable {
    static let degree = 53
    static let windowBytes = 64

    /// MOD[t]: reduces the eight bits above the degree. 256 entries.
    let reduce: [UInt64]
    /// What the byte that leaves the window added, already shifted by one byte. 256 entries.
    let leave: [UInt64]

    init(_ polynomial: Polynomial) {
        let degree = UInt64(Self.degree)
        let reduce = (0..<UInt64(256)).map { polynomial.remainder(of: $0 << degree) | $0 << degree }
        self.reduce = reduce
        leave = (0..<UInt64(256)).map { byte in
            var hash = polynomial.remainder(of: byte)
            for _ in 1..<Self.windowBytes { hash = polynomial.remainder(of: hash << 8) }
            return hash << 8 ^ reduce[Int(hash >> (degree - 8))]
        }
    }
}
