/// The name that somebody probably meant.
public enum NearestName {
    /// The nearest by edit distance, if it is near: at most a third of the letters differ, or half of them when it starts alike.
    public static func of(_ name: String, among names: some Sequence<String>) -> String? {
        guard name.count <= 64 else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in names where candidate != name && candidate.count <= 64 {
            let distance = distance(Array(name.lowercased()), Array(candidate.lowercased()))
            let longer = max(name.count, candidate.count)
            let startsAlike = zip(name.lowercased(), candidate.lowercased()).prefix { $0 == $1 }.count * 2 >= longer
            guard distance <= max(1, longer / (startsAlike ? 2 : 3)) else { continue }
            if let found = best, (found.distance, found.name) <= (distance, candidate) { continue }
            best = (candidate, distance)
        }
        return best?.name
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    static func distance(_ left: [Character], _ right: [Character]) -> Int {
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
        var rows = [[Int]](repeating: [Int](repeating: 0, count: right.count + 1), count: left.count + 1)
        for row in 0...left.count { rows[row][0] = row }
        for column in 0...right.count { rows[0][column] = column }
        for row in 1...left.count {
            for column in 1...right.count {
                let cost = left[row - 1] == right[column - 1] ? 0 : 1
                var value = min(rows[row - 1][column] + 1, rows[row][column - 1] + 1, rows[row - 1][column - 1] + cost)
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    value = min(value, rows[row - 2][column - 2] + 1)
                }
                rows[row][column] = value
            }
        }
        return rows[left.count][right.count]
    }
}
