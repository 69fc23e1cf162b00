import Basics
import StepKit
import StorageKit

/// A dataset and the program that speaks for it. Only what every ZFS since pool version 23 knows is asked for.
struct Dataset: Sendable {
    let name: String
    /// For errors: `system home`.
    let origin: String

    private static let patience = TimeSpan.seconds(120)

    /// Names as zfs(8) allows them; neither a snapshot's nor one that would be taken for an option.
    static func validate(_ name: String, origin: String) throws(StepError) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && part != "." && part != ".."
                && part.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"):
                        true
                    default: "-_.: ".utf8.contains(byte)
                    }
                }
        }
        guard isPlain, !name.hasPrefix("-"), name.utf8.count <= 200 else {
            throw StepError(
                .invalidSetting, expected: "a dataset's name, as `tank/home`", found: "\"\(name)\"", at: origin,
                advice: "give the name as `zfs list -t filesystem` shows it")
        }
    }

    var pool: String { String(name.prefix { $0 != "/" }) }

    /// What `zfs` printed, a line an element, its fields apart.
    @discardableResult
    func zfs(_ arguments: [String], _ context: StepContext) async throws -> [[String]] { try await zfs(arguments, context.system()) }

    @discardableResult
    func zfs(_ arguments: [String], _ context: SystemContext) async throws -> [[String]] {
        var call = try ProgramCall(["zfs"] + arguments, timeout: Self.patience, origin: origin, context)
        call.environment["LC_ALL"] = "C"  // its words are read
        // Where Debian and others have it; a service's PATH may be shorter.
        call.environment["PATH"] = (call.environment["PATH"] ?? "") + ":/usr/local/sbin:/usr/sbin:/sbin"
        let result = try await CommandRunner(call).run()
        guard result.ending == .exited(0), !result.outputIsCut else { throw Self.error(result, arguments, at: name) }
        return result.output.split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
    }

    /// Nil where there is none of that name.
    func find(_ arguments: [String], _ context: StepContext) async throws -> [[String]]? {
        do {
            return try await zfs(arguments, context)
        } catch let error as StorageError where error.kind == .notFound {
            return nil
        }
    }

    private static func error(_ result: ProgramResult, _ arguments: [String], at name: String) -> StorageError {
        let said = result.errors.split(separator: "\n").suffix(3).joined(separator: " | ")
        let found = said.isEmpty ? result.ending.description : said
        let asked = "`zfs \(arguments.joined(separator: " "))` to succeed"
        func error(_ kind: ErrorKind, _ advice: String, _ retry: Retryability = .permanent) -> StorageError {
            StorageError(kind, expected: asked, found: found, at: name, advice: advice, retry: retry)
        }
        if said.contains("does not exist") || said.contains("no such pool") {
            return error(.notFound, "correct the name (`zfs list`), or import the pool")
        }
        if said.contains("already exists") { return error(.exists, "", .lostRace) }
        if said.contains("permission denied") || said.contains("insufficient privileges") {
            return error(.accessDenied, "run the worker as root, or `zfs allow` its user snapshot, clone, mount and destroy")
        }
        if said.contains("out of space") || said.contains("quota") {
            return error(.noSpace, "free space in the pool, or raise the quota", .transient)
        }
        if said.contains("busy") { return error(.unavailable, "something uses it: `fuser -vm` on its mount point", .transient) }
        if said.contains("module") || said.contains("connect") || said.contains("/dev/zfs") {
            return error(.unavailable, "load the zfs module, or start zfs-fuse", .transient)
        }
        return error(.failed, "run it by hand to see what it misses", .transient)
    }

    /// Where it is mounted: as the kernel says, whatever the property says.
    func mountPoint() throws(StorageError) -> String {
        guard let mount = try Self.mount(of: name) else {
            throw StorageError(
                .notFound, expected: "a mounted dataset", found: "one that is not mounted, or none of that name", at: name,
                advice: "`zfs mount \(name)`; `zfs list` shows what there is")
        }
        return mount
    }

    static func mount(of dataset: String) throws(StorageError) -> String? {
        try MountTable.current().mounts.last { $0.source == dataset && ["zfs", "fuse.zfs"].contains($0.type) }?.point
    }
}
