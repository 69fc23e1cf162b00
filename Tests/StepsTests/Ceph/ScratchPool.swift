import Basics
import Foundation
import Rigs
import StepKit
import StorageKit

@testable import CephSteps

/// A pool of a test's own in the cluster of the test process, which goes with this; or in one of its own, which goes with that.
final class ScratchPool: Sendable {
    let ceph: CephRig
    let pool: CephPool
    var name: String { pool.name }
    /// The settings of a `ceph-rados` system that is this pool.
    var settings: [String: JSONValue] { ["configuration": .string(ceph.configuration), "pool": .string(name)] }

    private let isShared: Bool

    /// `kind`: as `ceph osd pool create` takes it.
    init(_ kind: [String] = [], placementGroups: Int = 4, in cluster: CephRig? = nil) async throws {
        isShared = cluster == nil
        if let cluster { ceph = cluster } else { ceph = try await CephRig.running() }
        let name = "pool\(UInt32.random(in: .min ... .max))"
        try await HostProgram.run(
            [
                "env", "CEPH_CONF=\(ceph.configuration)", "ceph", "osd", "pool", "create", name, "\(placementGroups)",
                "\(placementGroups)",
            ] + kind)
        pool = try ceph.connect(pool: name)
    }

    deinit {
        guard isShared else { return }
        let remove = Process()
        remove.executableURL = URL(fileURLWithPath: "/usr/bin/ceph")
        remove.arguments = ["-c", ceph.configuration, "osd", "pool", "rm", pool.name, pool.name, "--yes-i-really-really-mean-it"]
        (remove.standardOutput, remove.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try? remove.run()
    }

    /// Where an object without namespace and locator lies in a copy of the pool.
    static func path(_ name: String) -> TreePath {
        let bytes = Array(name.utf8)
        return TreePath(
            [RadosPath.folder(namespace: []), RadosPath.folder(shard: RadosPath.shard(bytes))]
                + RadosPath.parts(RadosObject(name: bytes)))
    }

    func put(_ name: String, _ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { _ = try pool.write(name, $0, size: nil) } }

    /// Nil when there is no such object.
    func get(_ name: String) throws -> [UInt8]? {
        let view = PoolView(pool)
        guard try view.facts(RadosObject(name: Array(name.utf8))) != nil else { return nil }
        return try PoolReader(view, namespace: nil, logicalPath: TreePath("pool"), readsAtOnce: 1).bytes(of: Self.path(name))
    }

    /// Runs `rados` on the pool.
    @discardableResult func rados(_ arguments: String...) async throws -> String {
        try await HostProgram.run(["env", "CEPH_CONF=\(ceph.configuration)", "rados", "-p", name] + arguments)
    }

    /// Everything in the pool as Ceph's own program writes it: names, namespaces, locators, data, attributes, and omaps in their order.
    func exported() async throws -> Data {
        let file = "\(ceph.folder)/export-\(name)-\(UInt32.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try await rados("export", file)
        return try Data(contentsOf: URL(fileURLWithPath: file))
    }

    /// Objects of every kind, put there by a program of its own.
    func fill() async throws {
        try await HostProgram.run(["env", "CEPH_CONF=\(ceph.configuration)", "/usr/bin/python3", "-c", Self.variety, name])
    }

    static let variety = """
        import os, sys
        from ctypes import *
        lib = CDLL('librados.so.2')
        def must(code):
            if code < 0: sys.exit('librados: %d' % code)
        cluster, io = c_void_p(), c_void_p()
        must(lib.rados_create(byref(cluster), b'admin'))
        must(lib.rados_conf_read_file(cluster, os.environ['CEPH_CONF'].encode()))
        must(lib.rados_connect(cluster))
        must(lib.rados_ioctx_create(cluster, sys.argv[1].encode(), byref(io)))
        lib.rados_create_write_op.restype = c_void_p
        def put(name, data=b'', attributes={}, omap={}, space=b'', locator=None, at=0, size=None):
            lib.rados_ioctx_set_namespace(io, space)
            lib.rados_ioctx_locator_set_key(io, locator)
            op = c_void_p(lib.rados_create_write_op())
            lib.rados_write_op_create(op, 0, None)
            if size is not None: lib.rados_write_op_truncate(op, c_uint64(size))
            lib.rados_write_op_write(op, data, c_size_t(len(data)), c_uint64(at))
            for key, value in attributes.items(): lib.rados_write_op_setxattr(op, key, value, c_size_t(len(value)))
            count = len(omap)
            keys, values = (c_char_p * count)(*omap.keys()), (c_char_p * count)(*omap.values())
            lengths = [(c_size_t * count)(*map(len, part)) for part in (omap.keys(), omap.values())]
            if omap: lib.rados_write_op_omap_set2(op, keys, values, lengths[0], lengths[1], c_size_t(count))
            must(lib.rados_write_op_operate(op, io, name, None, 0))
        noise = b''.join(bytes([i * i % 251, i % 7, i // 256 % 256]) for i in range(700000))
        put(b'plain', b'text', {b'colour': b'red', b'bin': bytes(range(256)), b'empty': b'', b'per%cent': b'x', b'\\xff': b'y'})
        put(b'empty')
        put(b'a/b/../c%2F', b'slashes')
        put(b'.', b'dot')
        put(b'..', b'dots', omap={b'k': b'v'})
        put(b'new\\nline\\xff\\xfe', b'odd')
        put('grün/日本'.encode(), b'utf-8')
        put(b'x' * 2000, b'long', omap={b'k': b'v'})
        put(b'/' * 240, b'slashes only')
        put(b'x' * 240 + b'.', b'a dot is left')
        put(b'%omap', b'marks')
        put(b'plain%omap', b'marks')
        put(b'%@', b'marks', space=b'@/%')
        put(b'large', noise)
        put(b'zeros', bytes(3000000))
        put(b'index', b'', omap={b'%05d' % (i * 7919 % 20000): b'value %d' % i for i in range(3000)})
        put(b'binary', b'both', omap={b'\\x01\\xff\\x80': b'', b'nul\\0b': b'2', b'nul\\0a': b'1', b'nul': b'0', b'\\xc3': bytes(range(256)), b'/': b'slash', b'big': noise[:70000]})
        put(b'plain', b'in a namespace', space=b'site-7', omap={b'k': b''})
        put(b'plain', b'placed elsewhere', locator=b'by/this')
        put(b'sparse', b'end', at=20000000, size=30000000)
        """
}
