import Basics
import Foundation
import HostKit
import StorageKit

/// What is mounted where (proc(5), `/proc/self/mountinfo`).
struct MountTable: Sendable {
    struct Mount: Sendable, Hashable {
        /// The mount point.
        var point: String
        /// `ext4`, `xfs`, `btrfs`, `tmpfs` ...
        var type: String
        /// A device, a dataset, an export, or any word.
        var source: String
        /// `/dev/...`; nil for file systems without a device.
        var device: String? { source.hasPrefix("/dev/") ? source : nil }
    }

    /// In the order of mounting: of several at one point the last is seen.
    let mounts: [Mount]

    static func current() throws(StorageError) -> MountTable {
        guard let bytes = KernelFile.read("/proc/self/mountinfo") else {
            throw StorageError(.unavailable, expected: "the list of mounts", found: "nothing readable", at: "/proc/self/mountinfo")
        }
        return MountTable(String(decoding: bytes, as: UTF8.self))
    }

    init(_ text: String) {
        mounts = text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ").map(String.init)
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 2, dash > 5 else { return nil }
            return Mount(point: Self.plain(fields[4]), type: fields[dash + 1], source: Self.plain(fields[dash + 2]))
        }
    }

    /// Blanks, tabs, newlines and backslashes stand as octal numbers.
    private static func plain(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            guard byte == UInt8(ascii: "\\"), digits.count == 3, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8) else {
                bytes.append(byte)
                continue
            }
            bytes.append(value)
            rest = rest.dropFirst(3)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What is mounted exactly there. A folder where nothing is mounted is refused: it belongs to another file system, which nobody meant.
    func mount(at path: String) throws(StorageError) -> Mount {
        let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        if let found = mounts.last(where: { $0.point == real }) { return found }
        let above = mounts.filter { real == $0.point || real.hasPrefix($0.point == "/" ? "/" : $0.point + "/") }
            .max { $0.point.count < $1.point.count }
        throw StorageError(
            .invalid, expected: "a file system mounted at \(path)",
            found: above.map { "a folder of the \($0.type) that is mounted at \($0.point)" } ?? "nothing mounted", at: path,
            advice: "mount it, or give the path at which it is mounted; see /proc/self/mountinfo")
    }
}
