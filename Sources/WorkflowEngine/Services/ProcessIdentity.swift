import Crypto
import Foundation

/// Tells a process from every other, also from a later one with the same number: so that a neighbour on this host can see at once that a
/// worker is dead, and its jobs need not wait for its lease.
struct ProcessIdentity: Sendable, Hashable {
    /// The boot and the process namespace: numbers mean something only within the same ones.
    let space: String
    let number: Int32
    /// When it began, in clock ticks since the boot.
    let start: String

    /// This process. Nil where /proc says nothing.
    static var own: ProcessIdentity? { ProcessIdentity(of: ProcessInfo.processInfo.processIdentifier) }

    /// A running process.
    init?(of number: Int32) {
        guard let space = Self.currentSpace, let start = Self.status(of: number)?.start else { return nil }
        self.init(space: space, number: number, start: start)
    }

    private init(space: String, number: Int32, start: String) {
        self.space = space
        self.number = number
        self.start = start
    }

    /// Reads what `text` wrote.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let number = Int32(parts[1]) else { return nil }
        self.init(space: String(parts[0]), number: number, start: String(parts[2]))
    }

    var text: String { "\(space)/\(number)/\(start)" }

    /// True when it is certain: the same boot and namespace, and no such process, or one that ended, or another of the same number.
    var isDead: Bool {
        guard space == Self.currentSpace else { return false }
        guard let status = Self.status(of: number) else { return kill(number, 0) == -1 && errno == ESRCH }
        return status.state == "Z" || status.state == "X" || status.start != start
    }

    /// Every process that /proc shows.
    static var numbers: [Int32] { ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) } }

    static func children(of parent: Int32) -> [Int32] { numbers.filter { status(of: $0)?.parent == parent } }

    private static var currentSpace: String? {
        guard let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8),
            let namespace = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
        else { return nil }
        return String(SHA256.hex(Array((boot + namespace).utf8)).prefix(16))
    }

    /// Fields 3, 4 and 22 of proc(5) `stat`; the name before them is in brackets and may hold anything.
    private static func status(of number: Int32) -> (state: Substring, parent: Int32?, start: String)? {
        guard let text = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8), let end = text.lastIndex(of: ")") else {
            return nil
        }
        let fields = text[end...].dropFirst(2).split(separator: " ")
        guard fields.count > 19 else { return nil }
        return (fields[0], Int32(fields[1]), String(fields[19]))
    }
}
