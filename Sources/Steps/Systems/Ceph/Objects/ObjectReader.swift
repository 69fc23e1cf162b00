import CephLibraries
import Glibc
import StepKit
import StorageKit

/// An object's data, from start to end.
final class ObjectReader: FileReader {
    private let watched: WatchedObject
    private var offset: UInt64 = 0

    init(_ object: RadosObject, in view: PoolView) throws(StorageError) { watched = try WatchedObject(object, in: view) }

    func metadata() throws -> FileMetadata { try watched.metadata(.data) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        let (view, object) = (watched.view, watched.object)
        let context = try view.context(of: object)
        while filled < buffer.count {
            let count = object.name.withName { name in
                rados_read(
                    context.handle, name, buffer.baseAddress?.advanced(by: filled).assumingMemoryBound(to: CChar.self),
                    min(buffer.count - filled, 4 << 20), offset)
            }
            if count == 0 { break }
            guard count > 0 else { throw view.error(count, "an object's data", object) }
            filled += Int(count)
            offset += UInt64(count)
            StillWorking.current?.say()
        }
        return filled
    }

    func close() {}
}

/// An object that is being read, with the version it had when that began.
struct WatchedObject {
    let object: RadosObject
    let view: PoolView
    private let version: UInt64

    init(_ object: RadosObject, in view: PoolView) throws(StorageError) {
        guard let facts = try view.facts(object) else { throw view.error(-ENOENT, "an object", object) }
        (self.object, self.view, version) = (object, view, facts.version)
    }

    /// Times are whole seconds: a write within the same one is told by a nanosecond more.
    func metadata(_ part: RadosPath.Part) throws(StorageError) -> FileMetadata {
        guard let facts = try view.facts(object) else { throw view.error(-ENOENT, "an object that stays while it is read", object) }
        var metadata = ObjectMetadata.of(facts, part)
        if facts.version != version { metadata.modified.nanoseconds = 1 }
        return metadata
    }
}
