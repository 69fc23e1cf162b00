import Basics
import FlowModel
import Glibc
import StepKit
import StorageKit

/// Pieces whose first one is not there: of objects that were cut off before it was stored, and of removals that were cut off after it was
/// gone.
struct RadosLeftovers {
    let pool: CephPool

    /// A piece's time is that of the host that wrote it: hosts' clocks must be right within `age`.
    func pieces(olderThan age: TimeSpan, removing: Bool) throws -> UnfinishedObjects {
        let limit = Int64(time(nil)) - age.milliseconds / 1000
        let names = try pool.names()
        let whole = Set(names.filter { !$0.contains("#") })
        var pieces: [String: [String]] = [:]
        for name in names {
            let parts = name.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, Int(parts[1]) != nil, !whole.contains(parts[0]), ObjectName(parts[0]).isOfARepository else {
                continue
            }
            pieces[parts[0], default: []].append(name)
        }
        var sum = UnfinishedObjects()
        for (object, names) in pieces {
            let found = try names.compactMap { try pool.status($0) }
            guard found.allSatisfy({ $0.modified <= limit }), try pool.size(object) == nil else { continue }
            for name in names where removing { try pool.remove(name) }
            sum += UnfinishedObjects(count: 1, bytes: found.reduce(0) { $0 + $1.size })
            StillWorking.current?.say()
        }
        return sum
    }
}
