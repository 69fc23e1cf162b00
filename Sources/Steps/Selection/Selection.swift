import Basics
import StepKit
import StorageKit

/// What of a folder is taken; everything where nothing is said.
struct Selection: Sendable {
    /// What one of these lists leaves out is left out.
    var excludes: [ExcludePatterns] = []
    var markers: [FolderMarker] = []
    /// Files that are larger are left out.
    var largest: ByteCount?
    /// What it left out, for the log.
    let leftOut = LeftOut()

    /// True for what the patterns leave out; counts it. `path` is the whole, absolute path.
    func excludes(_ path: TreePath) -> Bool {
        guard excludes.contains(where: { $0.match(path) }) else { return false }
        leftOut.count(.pattern, "/\(path)")
        return true
    }

    /// The pattern that leaves out the source itself, whose absolute path is `root`, if one does.
    func patternAgainst(_ root: TreePath) -> String? {
        for list in excludes {
            if let pattern = list.pattern(against: root) { return pattern }
        }
        return nil
    }

    /// Throws when the source itself, whose absolute path is `root`, is left out: nothing would be copied.
    func requireSomething(of root: TreePath) throws(StepError) {
        guard let pattern = patternAgainst(root) else { return }
        throw StepError(
            .invalidSetting, expected: "patterns that leave something to copy", found: "`\(pattern)` excludes the source itself",
            at: "/\(root)", advice: "a pattern fits at any depth, also above the source; write the whole path of what is meant")
    }

    /// The markers that leave out everything else in a folder, whose absolute path is `path`. Counts it.
    func markers(in folder: FolderHandle, _ names: [FileName], at path: TreePath) -> [FolderMarker] {
        let found = markers.filter { $0.marks(folder, names) { leftOut.note($0) } }
        if let first = found.first { leftOut.count(.marker, "/\(path) (\(first.name))") }
        return found
    }

    /// True for a file of that many bytes which is too large; counts it.
    func excludes(_ path: TreePath, bytes: Int64) -> Bool {
        guard let largest, bytes > largest.bytes else { return false }
        leftOut.count(.size, "/\(path) (\(ByteCount(bytes: bytes).approximate))")
        return true
    }
}
