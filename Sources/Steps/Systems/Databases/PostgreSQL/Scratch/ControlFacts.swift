import StepKit

/// What a cluster's control file says that its server must be told, in the words of pg_controldata.
struct ControlFacts: Sendable, Hashable {
    private var values: [Substring: Substring] = [:]

    init(_ output: String) {
        for line in output.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            values[line[..<colon]] = line[line.index(after: colon)...].drop { $0 == " " }
        }
    }

    private func number(_ key: Substring) -> Int? { values[key].flatMap { Int($0) } }

    /// Settings without which a server does not start on this cluster, or loses what it has prepared.
    var settings: [String: String] {
        let segment = (number("Bytes per WAL segment") ?? 16 << 20) >> 20
        return [
            "min_wal_size": "\(max(80, 2 * segment))MB", "max_wal_size": "\(max(1024, 4 * segment))MB",
            "max_prepared_transactions": "\(number("max_prepared_xacts setting") ?? 0)",
            "max_locks_per_transaction": "\(max(64, number("max_locks_per_xact setting") ?? 64))",
        ]
    }
}
