import Basics
import CephLibraries
import FlowModel
import Glibc
import StorageKit

/// What an image's own objects say at this moment. An image that is open for reading hears nothing of snapshots that go, nor of its own end; to open it
/// anew takes a dozen questions, these take one each (src/cls/rbd/cls_rbd.cc; images of format 2, which alone have ids).
extension CephPool {
    /// Nil when there is no such image.
    func imageID(_ image: String) throws(StorageError) -> String? {
        try rbdText("rbd_id.\(image)", "get_id", [], expected: "the image's id")
    }

    /// Nil when it is gone, or its image.
    func snapshotName(_ snapshot: UInt64, ofImage id: String) throws(StorageError) -> String? {
        let argument = withUnsafeBytes(of: snapshot.littleEndian) { $0.map { CChar(bitPattern: $0) } }
        return try rbdText("rbd_header.\(id)", "get_snapshot_name", argument, expected: "the snapshot's name")
    }

    /// What a method of the class `rbd` answers with: a text, behind the four bytes of its length. Nil when what is asked of is not there.
    private func rbdText(_ object: String, _ method: String, _ argument: [CChar], expected: String) throws(StorageError) -> String? {
        var answer = [CChar](repeating: 0, count: 8 << 10)
        let length = rados_exec(handle, object, "rbd", method, argument, argument.count, &answer, answer.count)
        if length == -ENOENT { return nil }
        let location = "\(name)/\(object)"
        guard length >= 0 else { throw .ceph(length, expected: expected, at: location) }
        let bytes = answer.prefix(Int(length)).map { UInt8(bitPattern: $0) }
        let count = bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard bytes.count >= 4, count <= bytes.count - 4 else {
            throw StorageError(.invalid, expected: expected, found: "\(bytes.count.counted("byte")) that are no text", at: location)
        }
        return String(decoding: bytes[4..<4 + count], as: UTF8.self)
    }
}
