import Foundation

/// What the kernel has of images that lie in a folder: loop devices, mounted or not.
public enum LoopDevices {
    /// A line for each, with the device, its file, and where it is mounted. Empty when nothing is left.
    public static func over(folder: String) throws -> [String] {
        let table = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).split(separator: "\n")
        return try FileManager.default.contentsOfDirectory(atPath: "/sys/block").filter { $0.hasPrefix("loop") }.compactMap { device in
            guard let file = try? String(contentsOfFile: "/sys/block/\(device)/loop/backing_file", encoding: .utf8),
                file.hasPrefix(folder + "/")
            else { return nil }
            let points = table.filter { $0.contains(" /dev/\(device) ") }.compactMap { $0.split(separator: " ").dropFirst(4).first }
            return "/dev/\(device) \(file.dropLast()) \(points.joined(separator: " "))"
        }
    }

    /// Takes back what a test that failed has left of them.
    public static func release(folder: String) {
        for line in (try? over(folder: folder)) ?? [] {
            let words = line.split(separator: " ").map(String.init)
            for program in words.dropFirst(2).map({ ["umount", "--lazy", $0] }) + [["losetup", "--detach", words[0]]] {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                process.arguments = program
                process.standardError = FileHandle.nullDevice
                guard (try? process.run()) != nil else { continue }
                process.waitForEnd()
            }
        }
    }
}
