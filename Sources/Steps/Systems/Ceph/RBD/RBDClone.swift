import Basics
import CephLibraries
import FlowModel
import Glibc
import StorageKit

/// A clone of a protected snapshot holds it: as long as there is one, nobody can remove the protection, the snapshot or the image.
/// Of format 1, whatever the cluster's default is: clones of format 2 let the snapshot go.
extension RBDImage {
    /// What the names of images that we make for ourselves have in them.
    static let markOfOurs = ".snappy-flow-"

    private func cloneName(_ snapshot: String) -> String { "\(name).\(snapshot)" }

    /// Protects the snapshot and clones it; succeeds where that is done. The clone's name.
    func holdSnapshot(_ snapshot: String) throws(StorageError) -> String {
        if try !isProtected(snapshot) {
            let code = withHandle { rbd_snap_protect($0, snapshot) }
            // Another client was quicker.
            guard code == 0 || code == -EBUSY else {
                throw failure(code, snapshot, "a snapshot that can be protected")
            }
        }
        if let there = try clone(of: snapshot) { return there }
        var options: rbd_image_options_t?
        rbd_image_options_create(&options)
        defer { rbd_image_options_destroy(options) }
        let set = rbd_image_options_set_uint64(options, Int32(RBD_IMAGE_OPTION_CLONE_FORMAT), 1)
        guard set == 0 else { throw failure(set, snapshot, "a clone of format 1") }
        let code = rbd_clone3(pool.handle, name, snapshot, pool.handle, cloneName(snapshot), options)
        guard code == 0 || code == -EEXIST else { throw failure(code, snapshot, "a clone \(cloneName(snapshot))") }
        return cloneName(snapshot)
    }

    private func failure(_ code: Int32, _ snapshot: String, _ expected: String) -> StorageError {
        var error = StorageError.ceph(code, expected: expected, at: "\(location)@\(snapshot)")
        if code == -ENOSYS || code == -EINVAL {
            error = StorageError(
                .invalid, expected: "an image with the feature `layering`, which clones need", found: error.found, at: error.location,
                advice: "leave `clone` out for this image: features of an image can't be added later")
        }
        return error
    }

    func isProtected(_ snapshot: String) throws(StorageError) -> Bool {
        var answer: Int32 = 0
        let code = withHandle { rbd_snap_is_protected($0, snapshot, &answer) }
        if code == -ENOENT { return false }
        guard code == 0 else { throw .ceph(code, expected: "to know whether the snapshot is protected", at: "\(location)@\(snapshot)") }
        return answer != 0
    }

    /// Its name; nil when there is none.
    func clone(of snapshot: String) throws(StorageError) -> String? {
        do { _ = try RBDImage(cloneName(snapshot), in: pool, .readOnly) } catch {
            guard error.kind == .notFound else { throw error }
            return nil
        }
        return cloneName(snapshot)
    }

    /// Succeeds when there is none.
    func removeClone(of snapshot: String) throws(StorageError) { try pool.removeImage(cloneName(snapshot)) }

    /// Succeeds when it is not protected, or not there.
    func unprotectSnapshot(_ snapshot: String) throws(StorageError) {
        guard try isProtected(snapshot) else { return }
        let code = withHandle { rbd_snap_unprotect($0, snapshot) }
        guard code == -EBUSY else {
            guard code == 0 || code == -ENOENT else {
                throw .ceph(code, expected: "a snapshot whose protection ends", at: "\(location)@\(snapshot)")
            }
            return
        }
        throw StorageError(
            .unavailable, expected: "a snapshot without clones", found: "clones that somebody made of it",
            at: "\(location)@\(snapshot)",
            advice: "see `rbd children \(pool.name)/\(name)@\(snapshot)`; flatten or remove them", retry: .transient)
    }
}
