public import Basics
import FlowModel
public import Foundation
import Glibc
import Synchronization

/// What this machine has of what types need. An answer counts for a while: a worker asks with each claim, and what was installed since should be found.
public final class Machine: Sendable {
    private let environment: [String: String]
    private let patience: Duration
    private let known = Mutex<[MachineNeed.Kind: (isThere: Bool, at: ContinuousClock.Instant)]>([:])

    /// `environment`: whose PATH and LD_LIBRARY_PATH count.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment, patience: TimeSpan = .seconds(5)) {
        self.environment = environment
        self.patience = patience.duration
    }

    /// Whether this machine meets the need. What was found is remembered for a few seconds.
    public func has(_ need: MachineNeed) -> Bool {
        let known = known.withLock { $0[need.kind] }
        if let known, .now - known.at < patience { return known.isThere }
        let isThere = look(for: need.kind)
        self.known.withLock { $0[need.kind] = (isThere, .now) }
        return isThere
    }

    /// What an instance of these settings lacks here for these uses, where the settings can be read yet; in the order declared.
    public func lacks(_ type: some MachineUsing, with settings: Settings, for uses: Set<Capability>) -> [MachineNeed] {
        let needs = (try? type.needs(with: settings)) ?? type.needs
        return needs.filter { $0.isNeeded(for: uses) && !has($0) }
    }

    /// What is missing here of all that instances of a type may need.
    public func lacks(_ type: some MachineUsing) -> [MachineNeed] { type.needs.filter { !has($0) } }

    private func look(for kind: MachineNeed.Kind) -> Bool {
        switch kind {
        case .library(let name): LibrarySearch(environment: environment).finds(name)
        case .program(let name): hasProgram(name)
        case .fileSystem(let names): names.contains(where: Self.hasFileSystem)
        case .administration: Self.hasRight(21)
        }
    }

    private func hasProgram(_ name: String) -> Bool {
        let folders = (environment["PATH"] ?? Self.usualPath).split(separator: ":").map(String.init)
        let places = name.contains("/") ? [name] : folders.map { "\($0)/\(name)" }
        return places.contains { place in
            var found = stat()
            return stat(place, &found) == 0 && found.st_mode & S_IFMT == S_IFREG && access(place, X_OK) == 0
        }
    }

    private static let usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// One that the kernel has, or whose module it loads at the first mount.
    private static func hasFileSystem(_ name: String) -> Bool {
        let present = lines("/proc/filesystems").contains { $0.split(separator: "\t").last.map(String.init) == name }
        if present { return true }
        var system = utsname()
        guard uname(&system) == 0 else { return false }
        let release = withUnsafeBytes(of: &system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return ["modules.dep", "modules.builtin"].contains { list in
            lines("/lib/modules/\(release)/\(list)").contains { $0.contains("/\(name).ko") }
        }
    }

    /// By its number in linux/capability.h.
    private static func hasRight(_ number: Int) -> Bool {
        guard let line = lines("/proc/self/status").first(where: { $0.hasPrefix("CapEff:") }),
            let rights = line.split(whereSeparator: \.isWhitespace).last.flatMap({ UInt64($0, radix: 16) })
        else { return geteuid() == 0 }
        return rights >> number & 1 == 1
    }

    private static func lines(_ path: String) -> [Substring] {
        // Files of /proc have no size that could be asked for.
        guard let file = FileHandle(forReadingAtPath: path), let data = try? file.readToEnd() else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n")
    }
}
