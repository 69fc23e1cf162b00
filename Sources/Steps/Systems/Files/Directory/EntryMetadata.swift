import Basics
import Glibc
import StorageKit

/// Makes a restored entry what was stored: metadata is set, and removed where it was not stored, until it equals that. What can't be so is said, and
/// judged by what is there then, not by what the calls answered.
///
/// Where not all of it can be, nobody gets more from what is set than what was stored gave.
struct EntryMetadata {
    private let entry: OpenEntry
    private let wanted: FileMetadata
    private var failures: [StorageError] = []
    private var listIsMissing = false
    private var wasOpened = false

    /// Returns what could not be set or removed.
    static func settle(_ entry: OpenEntry, _ wanted: FileMetadata) throws(StorageError) -> [StorageError] {
        var metadata = EntryMetadata(entry, wanted)
        return try metadata.settle()
    }

    private init(_ entry: OpenEntry, _ wanted: FileMetadata) {
        self.entry = entry
        self.wanted = wanted
    }

    /// The owner first: a change of it clears setuid and capabilities. Attributes before the mode, which may forbid to write them, and lists with them:
    /// an inherited one would make more of a new mode than was stored. Times last: everything else may change them.
    private mutating func settle() throws(StorageError) -> [StorageError] {
        let found = try entry.status()
        guard FileStatus.kind(found) == wanted.kind else {
            throw StorageError(
                .changed, expected: "the \(wanted.kind.rawValue) that was restored", found: "a \(FileStatus.kind(found).rawValue)",
                at: entry.location, advice: "somebody put it in the place meanwhile; look who writes there, and restore again")
        }
        try setOwner(found)
        setAttributes()
        if wanted.kind != .symbolicLink { try setMode() }
        try setTimes()
        guard !failures.isEmpty, let protection = entry.protection else { return failures }
        return [protection]
    }

    private mutating func fail(_ code: Int32, _ expected: String) {
        failures.append(.system(code, expected: expected, at: entry.location))
    }

    private mutating func setOwner(_ found: stat) throws(StorageError) {
        let (user, group) = (wanted.userID, wanted.groupID)
        guard found.st_uid != user || found.st_gid != group else { return }
        let code = chown(entry.place, user, group) == 0 ? EINVAL : errno
        // Who may not give it away may still give it to a group of his own.
        if code != EINVAL { _ = chown(entry.place, uid_t.max, group) }
        let now = try entry.status()
        if now.st_uid != user || now.st_gid != group { fail(code, "to set the owner") }
    }

    private mutating func setAttributes() {
        do {
            for name in try ExtendedAttributes.names(at: entry.place, entry.location) where isSurplus(name) {
                let code = opening { ExtendedAttributes.remove(name, at: $0) }
                if code != 0 {
                    fail(code, "to remove the extended attribute \(String(decoding: name, as: UTF8.self)), which was not stored")
                }
            }
        } catch {
            failures.append(error)
        }
        // A list may take the right to write from the owner.
        let (lists, others) = (wanted.extendedAttributes.filter(Self.isList), wanted.extendedAttributes.filter { !Self.isList($0) })
        for attribute in others + lists {
            let code = opening { ExtendedAttributes.set(attribute, at: $0) }
            guard code != 0, !ExtendedAttributes.has(attribute, at: entry.place) else { continue }
            fail(code, "to set the extended attribute \(attribute.name)")
            if attribute.name == AccessList.access { listIsMissing = true }
        }
    }

    private static func isList(_ attribute: ExtendedAttribute) -> Bool { attribute.name == AccessList.access }

    private func isSurplus(_ name: [UInt8]) -> Bool {
        ExtendedAttributes.isOfTheEntry(name) && !wanted.extendedAttributes.contains { name.elementsEqual($0.name.utf8) }
    }

    /// Attributes of `user.` need the right to write, which its owner may have taken from himself: `setMode` takes it again.
    private mutating func opening(_ body: (String) -> Int32) -> Int32 {
        let code = body(entry.place)
        guard code == EACCES, !wasOpened, wanted.kind != .symbolicLink, let found = try? entry.status(), found.st_uid == geteuid() else {
            return code
        }
        wasOpened = true
        return entry.setPermissions(found.st_mode | 0o600) ? body(entry.place) : code
    }

    private mutating func setMode() throws(StorageError) {
        let found = try entry.status()
        var mode = wanted.permissions
        if listIsMissing, let list = wanted.extendedAttributes.first(where: Self.isList), let group = AccessList.owningGroup(list.value) {
            mode = mode & ~0o070 | group << 3
        }
        if wanted.kind != .directory {
            // A program of somebody else's would run as whoever restores it, for everybody.
            if found.st_uid != wanted.userID { mode &= ~0o4000 }
            if found.st_gid != wanted.groupID { mode &= ~0o2000 }
        }
        var code: Int32 = 0
        if UInt16(found.st_mode & 0o7777) != mode, !entry.setPermissions(mode_t(mode)) { code = errno }
        let now = UInt16(try entry.status().st_mode & 0o7777)
        guard now != wanted.permissions else { return }
        guard code == 0 else { return fail(code, "to set the mode") }
        failures.append(
            StorageError(
                .accessDenied, expected: "to set the mode",
                found:
                    "\(String(now, radix: 8)) for \(String(wanted.permissions, radix: 8)), because its owner, group or access list differs",
                at: entry.location, advice: "run the worker as root to restore owners and what goes with them"))
    }

    private mutating func setTimes() throws(StorageError) {
        let found = try entry.status()
        if FileStatus.time(found.st_mtim) == wanted.modified, FileStatus.time(found.st_atim) == wanted.accessed { return }
        var times = [wanted.accessed, wanted.modified].map { timespec(tv_sec: Int($0.seconds), tv_nsec: Int($0.nanoseconds)) }
        let code = utimensat(AT_FDCWD, entry.place, &times, 0) == 0 ? 0 : errno
        guard FileStatus.time(try entry.status().st_mtim) != wanted.modified else { return }
        guard code == 0 else { return fail(code, "to set the times") }
        failures.append(
            StorageError(
                .unsupported, expected: "to set the times", found: "the file system holds another than it was given", at: entry.location,
                advice: "restore to a file system that holds such times to the nanosecond where they matter"))
    }
}
