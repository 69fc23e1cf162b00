import Basics
import Foundation
import HostKit
import StepKit

/// The guards of a freeze that other workers of this host left: they try to thaw without end. They are ended once the freeze is undone and before anything may be frozen
/// anew: a thaw of theirs that came later would open the next window, and its snapshots would look good.
///
/// Found by their arguments, which every user may read, so that neither a folder nor a database has to be shared with them.
public struct FormerGuards: Sendable {
    let key: String

    /// `key`: by which the freeze is named outside.
    public init(key: String) { self.key = key }

    /// What a guard is started with, beside its subcommand. Only for us to find it.
    static func arguments(_ key: String) -> [String] { ["--freeze", key] }

    /// Kills them with whatever they are running, and returns when they are gone. Throws when one can't be ended: the undo is not done
    /// then, and is tried again.
    public func end() async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let left = processes()
            guard let first = left.first else { return }
            let isOurs = left.allSatisfy { kill($0, SIGSTOP) == 0 || errno == ESRCH }
            guard isOurs, ContinuousClock.now < deadline else {
                throw StepError(
                    .guardRemains, expected: "the guard of a former worker to end, so that it can't thaw what is frozen next",
                    found: "process \(first) goes on" + (isOurs ? "" : ", of another user"), at: "freeze \(key)",
                    advice: "it ends by itself when its worker has ended; else end the process", retry: .transient)
            }
            // Stopped, so that it starts nothing more meanwhile.
            for process in left {
                for child in ProcessIdentity.children(of: process) {
                    if getsid(child) == child { kill(-child, SIGKILL) }
                    kill(child, SIGKILL)
                }
                kill(process, SIGKILL)
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func processes() -> [pid_t] { Self.all().filter { $0.key == key }.map(\.process) }

    /// Every guard of this host, whoever started it, with the key of its freeze.
    public static func all() -> [(process: Int32, key: String)] {
        ProcessIdentity.numbers.compactMap { number in
            guard number != ProcessInfo.processInfo.processIdentifier,
                let data = KernelFile.read("/proc/\(number)/cmdline")
            else { return nil }
            let last = data.split(separator: 0).suffix(2).map { String(decoding: $0, as: UTF8.self) }
            guard last.count == 2, last == arguments(last[1]) else { return nil }
            return (number, last[1])
        }
    }
}
