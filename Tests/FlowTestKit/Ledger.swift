import Foundation

/// Every effect that a test's steps have outside, one line each, on disk before the effect counts: what tests judge by, never the engine's
/// own tables. Any number of processes append.
public struct Ledger: Sendable {
    public struct Entry: Sendable, Hashable, Codable {
        /// `freeze`, `thaw`, `snapshot`, `release`, `begin`, `end`, `stopped`
        public var event: String
        public var step: String
        public var key: String
        public var process: Int32
        /// Microseconds of the machine's monotonic clock.
        public var at: Int64
    }

    public let folder: String
    public var path: String { folder + "/ledger" }

    public init(folder: String) { self.folder = folder }

    public func append(_ event: String, step: String, key: String) {
        let entry = Entry(
            event: event, step: step, key: key, process: ProcessInfo.processInfo.processIdentifier, at: Self.now)
        guard let json = try? JSONEncoder().encode(entry) else { preconditionFailure("a ledger entry is always JSON") }
        let line = [UInt8](json) + [UInt8(ascii: "\n")]
        let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        precondition(file >= 0 && write(file, line, line.count) == line.count && fsync(file) == 0, "the ledger can't be written: \(path)")
        close(file)
    }

    public var entries: [Entry] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return data.split(separator: UInt8(ascii: "\n")).compactMap { try? JSONDecoder().decode(Entry.self, from: $0) }
    }

    public static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    /// Keys that were frozen and not thawed since.
    public var frozen: Set<String> { owed("freeze", "thaw") }
    /// Keys that were snapshotted and not released since.
    public var snapshots: Set<String> { owed("snapshot", "release") }

    private func owed(_ begin: String, _ end: String) -> Set<String> {
        entries.reduce(into: []) { keys, entry in
            if entry.event == begin { keys.insert(entry.key) }
            if entry.event == end { keys.remove(entry.key) }
        }
    }

    public func count(_ event: String, step: String? = nil) -> Int {
        entries.count { $0.event == event && (step == nil || $0.step == step) }
    }
}
