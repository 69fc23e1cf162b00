import Basics
import StorageKit

/// What could not be set on what was restored: each kind is told once, with one place where it was so and how many there were. A tree of a million
/// files of other owners is one line, and takes no more memory than that.
struct RestoreWarnings: Sendable {
    private struct Key: Hashable {
        var kind: ErrorKind
        var expected: String
    }

    /// Attributes have names that their makers choose.
    private static let mostKinds = 100

    private var places: [Key: Int] = [:]
    private var told: [(first: StorageError, count: UInt64)] = []
    private(set) var count: UInt64 = 0

    mutating func note(_ errors: [StorageError]) {
        for error in errors {
            count += 1
            let key = Key(kind: error.kind, expected: error.expected)
            if let place = places[key] {
                told[place].count += 1
            } else if told.count < Self.mostKinds {
                places[key] = told.count
                told.append((error, 1))
            }
        }
    }

    /// The first of each kind, in the order in which they came.
    var errors: [StorageError] {
        told.map { error, count in
            var error = error
            if count > 1 { error.found += ", here and in \((count - 1).counted("other place"))" }
            return error
        }
    }
}
