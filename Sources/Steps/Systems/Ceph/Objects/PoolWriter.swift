import Basics
import CephLibraries
import FlowModel
import Glibc
import StepKit
import StorageKit
import Synchronization

/// Puts objects into a pool. Calls block.
final class PoolWriter: TreeWriter {
    let view: PoolView
    private let namespace: [UInt8]?
    private let overwrite: Bool
    private let scratchFolder: String
    /// Objects that this restore made. Data and omap of one come as two files, in any order.
    private let made = Mutex<Set<RadosObject>>([])

    init(_ view: PoolView, namespace: [UInt8]?, overwrite: Bool, scratchFolder: String) throws(StorageError) {
        var needsWholeStripes: Int32 = 0
        let code = rados_ioctx_pool_requires_alignment2(view.pool.handle, &needsWholeStripes)
        guard code == 0 else { throw .ceph(code, expected: "a pool", at: view.pool.name) }
        guard needsWholeStripes == 0 else {
            throw StorageError(
                .unsupported, expected: "a pool that takes writes anywhere", found: "an erasure-coded one that does not",
                at: view.pool.name,
                advice: "`ceph osd pool set \(view.pool.name) allow_ec_overwrites true`, or restore to a replicated pool")
        }
        (self.view, self.namespace, self.overwrite, self.scratchFolder) = (view, namespace, overwrite, scratchFolder)
    }

    private func object(_ path: TreePath) throws(StorageError) -> (object: RadosObject, part: RadosPath.Part) {
        if let found = RadosPath.object(at: path, in: namespace) { return found }
        throw StorageError(
            .invalid, expected: "the place of an object (`@namespace/7f/name`)", found: "/\(path)", at: "the repository snapshot",
            advice:
                "restore a copy of a `ceph-rados` system; one of a whole pool goes to a system without `namespace`, one of a namespace "
                + "to a system with one")
    }

    /// Folders are but the way to objects.
    func makeDirectory(_ path: TreePath) throws {}

    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter {
        let (object, part) = try object(path)
        let isOurs = try made.withLock({ $0.contains(object) }) || make(object)
        switch part {
        case .data:
            if !isOurs { throw exists(object) }
            return try ObjectWriter(object, size: size, in: self)
        case .omap:
            // An object to which a restore that died did not come to give its omap is completed.
            if !isOurs, try view.facts(object)?.hasOmap == true { throw exists(object) }
            return try OmapWriter(object, in: view, scratchFolder: scratchFolder)
        }
    }

    private func exists(_ object: RadosObject) -> StorageError {
        StorageError(
            .exists, expected: "no object of that name", found: "one", at: "\(view.pool.name)/\(object.description)",
            advice: "restore to an empty pool, or allow overwriting (`overwrite: true`)")
    }

    /// Makes an empty object: in place of the one that is there where that is allowed, else false.
    private func make(_ object: RadosObject) throws(StorageError) -> Bool {
        let context = try view.context(of: object)
        if overwrite {
            let code = object.name.withName { rados_remove(context.handle, $0) }
            guard code == 0 || code == -ENOENT else { throw view.error(code, "an object that may be replaced", object) }
        }
        let code = try view.write(object) { rados_write_op_create($0, LIBRADOS_CREATE_EXCLUSIVE, nil) }
        if code == -EEXIST { return false }
        guard code == 0 else { throw view.error(code, "an object that can be made", object) }
        made.withLock { _ = $0.insert(object) }
        return true
    }

    /// What is half written goes.
    func remove(_ object: RadosObject) {
        guard let context = try? view.context(of: object) else { return }
        _ = object.name.withName { rados_remove(context.handle, $0) }
        made.withLock { _ = $0.remove(object) }
    }

    /// Where objects may be replaced all of them are: one with the same data may have another omap.
    func existing(_ path: TreePath) throws -> (any FileReader)? {
        let (object, part) = try object(path)
        guard !overwrite, let facts = try view.facts(object) else { return nil }
        return switch part {
        case .data: try ObjectReader(object, in: view)
        case .omap: facts.hasOmap ? try OmapReader.counted(object, in: view) : nil
        }
    }

    /// Attributes and the time, in one write.
    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        guard metadata.kind != .directory else { return [] }
        let (object, part) = try object(path)
        guard let facts = try view.facts(object) else { throw view.error(-ENOENT, "the object that was restored", object) }
        let wanted = part == .data ? ObjectMetadata.attributes(metadata) : facts.attributes
        let gone = facts.attributes.map(\.name).filter { name in !wanted.contains { $0.name == name } }
        let set = wanted.filter { attribute in !facts.attributes.contains { $0 == attribute } }
        guard !gone.isEmpty || !set.isEmpty || facts.modified != metadata.modified.seconds else { return [] }
        let code = try view.write(object, at: metadata.modified) { operation in
            // Changes nothing, and counts as a write: the time is a write's.
            rados_write_op_truncate(operation, facts.size)
            for name in gone { name.withName { rados_write_op_rmxattr(operation, $0) } }
            for (name, value) in set {
                value.withUnsafeBytes { value in
                    name.withName {
                        rados_write_op_setxattr(operation, $0, value.baseAddress?.assumingMemoryBound(to: CChar.self), value.count)
                    }
                }
            }
        }
        guard code == 0 else { throw view.error(code, "attributes that can be set", object) }
        return []
    }

    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        throw noObject(path, metadata.kind.rawValue)
    }
    func link(_ path: TreePath, to existing: TreePath) throws { throw noObject(path, "another name of a file") }

    private func noObject(_ path: TreePath, _ kind: String) -> StorageError {
        StorageError(
            .unsupported, expected: "objects, which are files", found: kind, at: "/\(path)",
            advice: "restore a copy of a `ceph-rados` system")
    }
}

extension PoolView {
    /// One write, all or nothing; what librados answers. `time` becomes the object's.
    func write(_ object: RadosObject, at time: FileTime? = nil, _ steps: (rados_write_op_t) -> Void) throws(StorageError) -> Int32 {
        let context = try context(of: object)
        guard let operation = rados_create_write_op() else { throw error(-ENOMEM, "an operation", object) }
        defer { rados_release_write_op(operation) }
        steps(operation)
        StillWorking.current?.say()
        guard let time else { return object.name.withName { rados_write_op_operate2(operation, context.handle, $0, nil, 0) } }
        var spec = timespec(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds))
        return object.name.withName { rados_write_op_operate2(operation, context.handle, $0, &spec, 0) }
    }
}
