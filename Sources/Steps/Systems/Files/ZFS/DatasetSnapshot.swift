import Basics
import Foundation
import HostKit
import StepKit
import StorageKit

/// A snapshot of a dataset: one instant, whole as soon as it is there.
///
/// It is read in `.zfs/snapshot` where this ZFS has that folder. Elsewhere (zfs-fuse) a read-only clone of it is mounted.
struct DatasetSnapshot: Sendable {
    let dataset: Dataset
    let key: String
    let cloneFolder: String

    var name: String { "\(dataset.name)@snappy-flow-\(key)" }

    /// A clone's name is as unique as the key that it is made of, and the dataset's own: two datasets have snapshots of one key.
    private var clone: String { "\(dataset.pool)/snappy-flow-\(key)-\(dataset.name.replacing("/", with: ":"))" }
    private var clonePlace: String { "\(cloneFolder)/\(dataset.name)@\(key)" }

    func make(_ context: StepContext) async throws {
        do {
            try await dataset.zfs(["snapshot", name], context)
        } catch let error as StorageError where error.kind == .exists {
            // An attempt before this one made it, and nobody heard.
        }
        _ = try await place(context)
    }

    func isThere(_ context: StepContext) async throws -> Bool {
        try await dataset.find(["list", "-H", "-t", "snapshot", "-o", "name", name], context) != nil
    }

    /// Where its files are. Mounts a clone if it must.
    func place(_ context: StepContext) async throws -> String {
        let shown = try dataset.mountPoint() + "/.zfs/snapshot/snappy-flow-\(key)"
        if (try? FolderHandle(opening: shown)) != nil { return shown }
        guard try await isThere(context) else {
            throw StorageError(
                .notFound, expected: "the snapshot of this job", found: "none", at: name,
                advice: "somebody destroyed it; run the pipeline again")
        }
        if let mounted = try Dataset.mount(of: clone) { return mounted }
        do throws(Explanation) {
            _ = try OwnFolder(making: cloneFolder, above: 0o700)
        } catch {
            throw StorageError(
                .accessDenied, expected: error.expected, found: error.found, at: error.location, advice: error.advice, retry: error.retry)
        }
        do {
            try await dataset.zfs(["clone", "-o", "readonly=on", "-o", "mountpoint=\(clonePlace)", name, clone], context)
        } catch let error as StorageError where error.kind == .exists {
            // Made before the machine was restarted, or by another copy of this snapshot that begins just now.
            if try Dataset.mount(of: clone) == nil { try await dataset.zfs(["mount", clone], context) }
        }
        guard let mounted = try Dataset.mount(of: clone) else {
            throw StorageError(
                .failed, expected: "a clone mounted at \(clonePlace)", found: "one that is not mounted", at: clone,
                advice: "`zfs mount \(clone)` by hand says why; on Linux only root may mount", retry: .transient)
        }
        return mounted
    }

    /// Succeeds when nothing is there.
    func remove(_ context: StepContext) async throws {
        if try await dataset.find(["list", "-H", "-o", "name", clone], context) != nil {
            try await destroyClone(context)
        }
        rmdir(clonePlace)
        if try await isThere(context) { _ = try await dataset.find(["destroy", name], context) }
    }

    /// zfs-fuse unmounts and goes on before the unmounting has ended: it then finds the clone busy, for a moment.
    private func destroyClone(_ context: StepContext) async throws {
        for _ in 0..<30 {
            do {
                _ = try await dataset.find(["destroy", clone], context)
                return
            } catch let error as StorageError where error.kind == .unavailable {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        _ = try await dataset.find(["destroy", clone], context)
    }
}
