import Foundation

/// What everybody on this machine sees of its processes.
enum ProcessList {
    /// Command lines of every process of the machine that hold one of the words.
    static func showing(_ words: [String]) -> [String] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { entry in
            guard Int32(entry) != nil, let bytes = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline") else { return nil }
            let line = String(decoding: bytes.map { $0 == 0 ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
            return words.contains { line.contains($0) } ? line : nil
        }
    }
}
