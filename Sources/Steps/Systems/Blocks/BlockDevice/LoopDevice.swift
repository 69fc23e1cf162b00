import Basics
import HostKit
import FlowModel
import Foundation
import Glibc
import StorageKit

/// A file as a block device (loop(4)). It bears a name of ours, by which any process of the host finds it again, and goes by itself when nobody has it
/// open: a process that is killed before the device is mounted leaves nothing.
struct LoopDevice: Sendable {
    /// `/dev/loop7`
    let path: String
    /// Holds the device until it is mounted.
    let descriptor: Int32

    /// Maps an open file; the caller closes the device when something else holds it.
    init(of file: Int32, named name: String, isReadOnly: Bool, at location: String) throws(StorageError) {
        let control = open("/dev/loop-control", O_RDWR | O_CLOEXEC)
        guard control >= 0 else { throw Self.refusal(errno, at: "/dev/loop-control") }
        defer { Glibc.close(control) }
        // Between the two calls another program may take the device.
        for _ in 0..<32 {
            let number = Kernel.freeLoopDevice(control)
            guard number >= 0 else { throw Self.refusal(errno, at: "/dev/loop-control") }
            let path = "/dev/loop\(number)"
            let device = open(path, (isReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC)
            guard device >= 0 else { throw Self.refusal(errno, at: path) }
            if Kernel.mapLoopDevice(device, to: file, named: name, isReadOnly: isReadOnly) == 0 {
                (self.path, descriptor) = (path, device)
                return
            }
            let code = errno
            Glibc.close(device)
            guard code == EBUSY else { throw .system(code, expected: "a block device over the image", at: location) }
        }
        throw StorageError(
            .unavailable, expected: "a free loop device", found: "each is taken by others at once", at: "/dev/loop-control",
            retry: .transient)
    }

    func close() { Glibc.close(descriptor) }

    private static func refusal(_ code: Int32, at path: String) -> StorageError {
        switch code {
        case EACCES, EPERM:
            StorageError(
                .accessDenied, expected: "the right to make loop devices (CAP_SYS_ADMIN)", found: String(cString: strerror(code)), at: path,
                advice: "run the worker as root")
        case ENOENT, ENXIO, ENODEV:
            StorageError(
                .unsupported, expected: "loop devices", found: String(cString: strerror(code)), at: path,
                advice: "load them (`modprobe loop`), and give a worker in a container the devices; or copy `as: image`")
        default: .system(code, expected: "a free loop device", at: path)
        }
    }

    // MARK: finding it again

    /// Those of that name on this host, by their paths.
    static func all(named name: String) -> [String] { all().filter { $0.name == name }.map(\.path) }

    /// Every one of this host that has a name, ours or not.
    static func all() -> [(path: String, name: String)] {
        let devices = ((try? FileManager.default.contentsOfDirectory(atPath: "/sys/block")) ?? []).filter { $0.hasPrefix("loop") }
        return devices.filter { access("/sys/block/\($0)/loop", F_OK) == 0 }.map { "/dev/\($0)" }.sorted().compactMap { path in
            name(of: path).map { (path, $0) }
        }
    }

    /// The file behind a device, as the kernel knows its path now; nil where it says none.
    static func file(of path: String) -> String? {
        let text = KernelFile.read("/sys/block/\((path as NSString).lastPathComponent)/loop/backing_file").map {
            String(decoding: $0, as: UTF8.self)
        }
        return text.map { $0.hasSuffix("\n") ? String($0.dropLast()) : $0 }
    }

    /// Nil when nothing is behind it.
    static func name(of path: String) -> String? {
        let device = open(path, O_RDONLY | O_CLOEXEC)
        guard device >= 0 else { return nil }
        defer { Glibc.close(device) }
        return Kernel.loopDeviceName(device).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Unmaps those of that name. Throws while somebody has one open. Succeeds when there is none.
    static func unmap(named name: String) throws(StorageError) {
        // What has just been unmounted takes the kernel a moment.
        let deadline = ContinuousClock.now + .seconds(5)
        while true {
            let left = all(named: name)
            guard let first = left.first else { return }
            for path in left {
                let device = open(path, O_RDONLY | O_CLOEXEC)
                guard device >= 0 else { continue }
                _ = Kernel.unmapLoopDevice(device)
                Glibc.close(device)
            }
            guard ContinuousClock.now < deadline else {
                throw StorageError(
                    .unavailable, expected: "that nobody uses \(first) any more", found: "it is open, or mounted elsewhere", at: first,
                    advice: "look who has it: `lsof \(first)`, `grep \(first) /proc/*/mountinfo`", retry: .transient)
            }
            usleep(20_000)
        }
    }
}
