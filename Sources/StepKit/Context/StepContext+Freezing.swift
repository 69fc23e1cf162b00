import Foundation
import Basics

extension StepContext {
    /// Throws when freezing the file system that holds `path` would freeze the engine itself: its database, state, cache or log.
    /// Asked by a system before it freezes a file system.
    public func refuseFreezing(fileSystemOf path: String) throws(StepError) {
        guard let target = Self.device(of: path) else {
            throw StepError(.failed, expected: "a path that exists", found: "none", at: path)
        }
        for own in neverFreeze where Self.device(of: own) == target {
            throw StepError(
                .invalidSetting, expected: "a file system that the engine does not need itself", found: "the one that holds \(own)",
                at: path,
                advice: "keep the engine's folders (--state, --database) on another file system")
        }
    }

    /// The device of the path, or of the nearest folder above it that exists.
    private static func device(of path: String) -> UInt64? {
        var url = URL(fileURLWithPath: path).standardizedFileURL
        while true {
            var info = stat()
            if stat(url.path, &info) == 0 { return UInt64(info.st_dev) }
            if url.path == "/" { return nil }
            url.deleteLastPathComponent()
        }
    }
}
