import CephLibraries
import Glibc
import StorageKit

/// What one question of an object answers: how large it is, when and by which write it was last changed, what it has beside its data.
struct ObjectFacts: Sendable {
    var size: UInt64
    /// Whole seconds: librados 16 tells no more.
    var modified: Int64
    /// Grows with every write, of data, attributes or omap.
    var version: UInt64
    /// By name.
    var attributes: [(name: [UInt8], value: [UInt8])]
    var hasOmap: Bool
}

/// Such a question, asked when it is made and answered when it is waited for, so that several are under way at once.
final class ObjectProbe {
    private let operation: rados_read_op_t
    private let completion: rados_completion_t
    private let context: ObjectContext
    private let object: RadosObject
    private let view: PoolView
    // librados writes to these until the completion is.
    private let size = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
    private let modified = UnsafeMutablePointer<time_t>.allocate(capacity: 1)
    private let attributes = UnsafeMutablePointer<rados_xattrs_iter_t?>.allocate(capacity: 1)
    private let omap = UnsafeMutablePointer<rados_omap_iter_t?>.allocate(capacity: 1)
    private let more = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
    private let codes = UnsafeMutablePointer<Int32>.allocate(capacity: 3)
    private let code: Int32

    init(_ object: RadosObject, in view: PoolView) throws(StorageError) {
        context = try view.context(of: object)
        var made: rados_completion_t?
        guard let operation = rados_create_read_op(), rados_aio_create_completion2(nil, nil, &made) == 0, let made else {
            throw view.error(-ENOMEM, "an operation", object)
        }
        (self.operation, completion, self.object, self.view) = (operation, made, object, view)
        size.initialize(to: 0)
        modified.initialize(to: 0)
        attributes.initialize(to: nil)
        omap.initialize(to: nil)
        more.initialize(to: 0)
        codes.initialize(repeating: 0, count: 3)
        rados_read_op_stat(operation, size, modified, codes)
        rados_read_op_getxattrs(operation, attributes, codes + 1)
        rados_read_op_omap_get_vals2(operation, "", "", 1, omap, more, codes + 2)
        let handle = context.handle
        code = object.name.withName { rados_aio_read_op_operate(operation, handle, made, $0, 0) }
    }

    deinit {
        if code == 0 { rados_aio_wait_for_complete(completion) }
        if let attributes = attributes.pointee { rados_getxattrs_end(attributes) }
        if let omap = omap.pointee { rados_omap_get_end(omap) }
        rados_aio_release(completion)
        rados_release_read_op(operation)
        size.deallocate()
        modified.deallocate()
        attributes.deallocate()
        omap.deallocate()
        more.deallocate()
        codes.deallocate()
    }

    /// Nil where there is no such object in the view.
    func facts() throws(StorageError) -> ObjectFacts? {
        guard code == 0 else { throw view.error(code, "an object", object) }
        rados_aio_wait_for_complete(completion)
        let answer = rados_aio_get_return_value(completion)
        if answer == -ENOENT { return nil }
        guard answer >= 0 else { throw view.error(answer, "an object", object) }
        for step in 0..<3 where codes[step] < 0 { throw view.error(codes[step], "an object", object) }
        var found: [(name: [UInt8], value: [UInt8])] = []
        while let list = attributes.pointee {
            var (name, value): (UnsafePointer<CChar>?, UnsafePointer<CChar>?)
            var count = 0
            let code = rados_getxattrs_next(list, &name, &value, &count)
            guard code == 0 else { throw view.error(code, "an object's attributes", object) }
            guard let name else { break }
            found.append(
                (
                    Array(UnsafeRawBufferPointer(start: name, count: strlen(name))),
                    Array(UnsafeRawBufferPointer(start: value, count: count))
                ))
        }
        return ObjectFacts(
            size: size.pointee, modified: Int64(modified.pointee), version: rados_aio_get_version(completion),
            attributes: found.sorted { $0.name.lexicographicallyPrecedes($1.name) },
            hasOmap: omap.pointee.map { rados_omap_iter_size($0) > 0 } ?? false)
    }
}

extension PoolView {
    /// One object's; nil where there is none.
    func facts(_ object: RadosObject) throws(StorageError) -> ObjectFacts? { try ObjectProbe(object, in: self).facts() }
}
