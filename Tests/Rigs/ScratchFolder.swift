import Foundation

/// A folder of a test's own, removed with it.
public final class ScratchFolder: Sendable {
    public let path: String

    public init(_ name: String = "test") throws {
        path = URL(fileURLWithPath: NSTemporaryDirectory()).path + "/snappy-flow-\(name)-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// Foundation gives up on trees deeper than a path can name; `rm` does not.
    deinit {
        guard (try? FileManager.default.removeItem(atPath: path)) == nil else { return }
        let remove = Process()
        remove.executableURL = URL(fileURLWithPath: "/bin/rm")
        remove.arguments = ["-rf", "--one-file-system", path]
        if (try? remove.run()) != nil { remove.waitForEnd() }
    }

    public func file(_ name: String) -> String { path + "/" + name }
}
