import Crypto
import StorageKit

/// Passes a restore on and remembers what it wrote, so that what is on disk afterwards can be compared without asking the repository again.
struct WitnessWriter: TreeWriter {
    let base: any TreeWriter
    let ledger: WitnessLedger

    func makeDirectory(_ path: TreePath) throws { try base.makeDirectory(path) }

    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter {
        ledger.begin(path, size: size)
        return WitnessFile(base: try base.createFile(path, size: size), path: path, ledger: ledger)
    }

    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        let failures = try base.createSpecial(path, metadata)
        ledger.expect(path, metadata, timesToo: failures.isEmpty)
        return failures
    }

    func link(_ path: TreePath, to existing: TreePath) throws {
        try base.link(path, to: existing)
        ledger.link(path, to: existing)
    }

    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        let failures = try base.setMetadata(path, metadata)
        // What the destination says it can't set is no difference.
        ledger.expect(path, metadata, timesToo: failures.isEmpty)
        return failures
    }

    // No `existing`: a trial restores everything, whatever is there.
    func finish() throws { try base.finish() }
}

private struct WitnessFile: FileWriter {
    let base: any FileWriter
    let path: TreePath
    let ledger: WitnessLedger

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        try base.write(bytes, at: offset)
        ledger.wrote(path, offset..<offset + Int64(bytes.count), SHA256.digest(bytes))
    }

    func finish() throws { try base.finish() }
    func abandon() { base.abandon() }
}
