import Basics
import Foundation
import StepKit

/// When space was last reclaimed in a repository: a small file beside the worker's scratch folders. Lost, it costs one reclaiming too many.
struct ReclaimState: Sendable {
    private let path: String

    init(_ context: StepContext, repositoryID: String) {
        let folder = URL(fileURLWithPath: context.scratchFolder).deletingLastPathComponent()
        path = folder.appending(path: "reclaimed-\(repositoryID.prefix(32))").path
    }

    func isDue(every span: TimeSpan) -> Bool {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path), let last = attributes[.modificationDate] as? Date
        else {
            return true
        }
        let since = Date.now.timeIntervalSince(last)
        return since < 0 || since >= span.seconds
    }

    func record() throws { try Data().write(to: URL(fileURLWithPath: path)) }
}
