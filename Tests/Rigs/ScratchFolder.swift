import Foundation

/// A folder of a test's own, removed with it.
public final class ScratchFolder: Sendable {
    public let path: String

    public init(_ name: String = "test") throws {
        path = URL(fileURLWithPath: NSTemporaryDirectory()).path + "/snappy-flow-\(name)-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    public func file(_ name: String) -> String { path + "/" + name }
}
