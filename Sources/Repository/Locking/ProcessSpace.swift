import Foundation

/// Names the boot and the process namespace of this process: within one, a process id that is gone is proof of death.
enum ProcessSpace {
    /// Empty where the kernel does not say.
    static let current: String = {
        guard let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8),
            let namespace = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
        else { return "" }
        return boot.trimmingCharacters(in: .whitespacesAndNewlines) + "/" + namespace
    }()
}
