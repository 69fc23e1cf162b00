import Basics
import CephLibraries
import Glibc
import StepKit
import StorageKit

/// An object's data as it is restored. Every write is durable when it returns.
final class ObjectWriter: FileWriter {
    private let object: RadosObject
    private let writer: PoolWriter
    private let context: ObjectContext

    /// The object is there, empty. It begins as one hole.
    init(_ object: RadosObject, size: Int64, in writer: PoolWriter) throws(StorageError) {
        (self.object, self.writer) = (object, writer)
        context = try writer.view.context(of: object)
        guard size > 0 else { return }
        let code = try writer.view.write(object) { rados_write_op_truncate($0, UInt64(size)) }
        guard code == 0 else {
            writer.remove(object)
            throw writer.view.error(code, "an object of \(size.counted("byte"))", object)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        for start in stride(from: 0, to: bytes.count, by: 4 << 20) {
            let part = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 4 << 20, bytes.count)])
            let code = object.name.withName {
                rados_write(
                    context.handle, $0, part.baseAddress?.assumingMemoryBound(to: CChar.self), part.count,
                    UInt64(offset) + UInt64(start))
            }
            guard code == 0 else { throw writer.view.error(code, "an object that can be written", object) }
            StillWorking.current?.say()
        }
    }

    func finish() throws {}
    func abandon() { writer.remove(object) }
}
