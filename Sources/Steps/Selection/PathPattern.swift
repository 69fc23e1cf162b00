import StorageKit

/// A pattern of paths in restic's language (internal/filter): names as `NamePattern`, `**` for any number of folders, `!` in front to
/// take back what earlier patterns leave out.
///
/// A pattern that begins with `/` is about a whole path, any other about a part of it at any depth. What matches the beginning of a path
/// matches all of it: whatever is below an excluded folder is excluded.
struct PathPattern: Sendable {
    let isNegated: Bool
    private let isAbsolute: Bool
    /// What lies between two `**`.
    private let runs: [[NamePattern]]

    init(_ text: String) throws(NamePattern.Mistake) {
        var bytes = Array(text.utf8)[...]
        isNegated = bytes.first == UInt8(ascii: "!")
        if isNegated { bytes.removeFirst() }
        isAbsolute = bytes.first == UInt8(ascii: "/")
        var runs: [[NamePattern]] = [[]]
        for part in Self.cleaned(bytes, isAbsolute: isAbsolute) {
            if part.elementsEqual("**".utf8) {
                runs.append([])
            } else {
                runs[runs.count - 1].append(try NamePattern(part))
            }
        }
        self.runs = runs
    }

    /// The parts without `.`, empty ones, and what a `..` takes back (Go's `filepath.Clean`). A pattern of nothing is `.`, which no name is.
    private static func cleaned(_ bytes: ArraySlice<UInt8>, isAbsolute: Bool) -> [ArraySlice<UInt8>] {
        let up = Array("..".utf8)
        var parts: [ArraySlice<UInt8>] = []
        for part in bytes.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
            if part.elementsEqual(up), let last = parts.last, !last.elementsEqual(up) {
                parts.removeLast()
            } else if !(part.elementsEqual(up) && isAbsolute) {
                parts.append(part)
            }
        }
        return parts.isEmpty && !isAbsolute ? [Array(".".utf8)[...]] : parts
    }

    /// `path` is absolute.
    func matches(_ path: TreePath) -> Bool {
        let last = path.parts.count - (runs.first?.count ?? 0)
        guard last >= 0 else { return false }
        return (0...(isAbsolute ? 0 : last)).contains { matches(path, from: $0) }
    }

    /// The first place where each run fits is the best: nothing has to fit the path's end. As in restic, which tries a `**` as longer and
    /// longer rows of `*`, a row may be only so long that the pattern with its other `**` is no longer than the path: `a/**/b/**` does
    /// not fit `a/b`.
    private func matches(_ path: TreePath, from start: Int) -> Bool {
        let names = path.parts
        var spare = names.count - runs.reduce(0) { $0 + $1.count } - (runs.count - 1) + (isAbsolute ? 0 : 1)
        var position = start
        for (index, run) in runs.enumerated() {
            let last = index == 0 ? start : names.count - run.count
            guard position <= last else { return false }
            let place = (position...last).first { zip(run, names[$0...]).allSatisfy { $0.matches($1.bytes) } }
            guard let place else { return false }
            if index > 0 { spare += 1 - (place - position) }
            guard index == 0 || spare >= 0 else { return false }
            position = place + run.count
        }
        return true
    }
}
