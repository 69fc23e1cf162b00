import Basics
import Glibc
import HostKit

/// Room on a private cluster's disk that is taken while there is enough. Given up, it lets a server that the disk has none for start, and write down
/// how jobs end.
///
/// It lies where only we write, and belongs to the server's user, so that a quota of his has it too. Calls block.
struct ClusterReserve: Sendable {
    let folder: ClusterFolder

    /// Four files of WAL: a start after a panic writes one, and what ends jobs, with new pages of tables, less than the next.
    static let size: Int64 = 64 << 20
    /// What must be left besides before work begins: two files of WAL.
    static let low: Int64 = 32 << 20
    /// It is made where so much is left besides, lest it be given up for its own sake.
    static let margin: Int64 = 2 * low
    /// With less the disk counts as full. Not sooner: who is filling it just now would take the reserve, too, and he ends only when nothing is left.
    private static let nothing: Int64 = 1 << 20

    private static let name = "reserve"
    private static let unfinished = "reserve.new"

    private var path: String { folder.control + "/" + Self.name }

    var isHeld: Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_size >= Self.size
    }

    /// What the server has beside the reserve.
    var room: DiskRoom? { DiskRoom(at: folder.control) }

    /// True when the disk is full: the server refuses what needs a new page, and ends at the commit that needs a new file.
    var isNeeded: Bool { room.map { $0.free < Self.nothing } ?? false }

    /// Gives it up. False when there was none.
    @discardableResult
    func giveUp() -> Bool {
        guard let place = try? OwnFolder(opening: folder.control) else { return false }
        unlinkat(place.descriptor, Self.unfinished, 0)
        guard unlinkat(place.descriptor, Self.name, 0) == 0 else { return false }
        // Blocks of a removed file are free for others when the removal is on disk (ext4, xfs).
        fsync(place.descriptor)
        return true
    }

    /// Takes it where there is room enough. False where it is not held in the end. The caller holds the control lock.
    @discardableResult
    func take() -> Bool {
        if isHeld { return true }
        guard let room, room.free >= Self.size + Self.margin, let place = try? OwnFolder(opening: folder.control) else { return false }
        unlinkat(place.descriptor, Self.unfinished, 0)
        let file = openat(place.descriptor, Self.unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        defer { close(file) }
        // The owner first: what it takes is his from the start.
        let isOurs = folder.user.map { fchown(file, $0.userID, $0.groupID) == 0 } ?? true
        guard isOurs, allocate(file), renameat(place.descriptor, Self.unfinished, place.descriptor, Self.name) == 0 else {
            unlinkat(place.descriptor, Self.unfinished, 0)
            return false
        }
        fsync(place.descriptor)
        return true
    }

    private func allocate(_ file: Int32) -> Bool {
        var code: Int32
        repeat { code = posix_fallocate(file, 0, off_t(Self.size)) } while code == EINTR
        return code == 0
    }
}

extension ClusterReserve {
    var givenUp: String {
        "the disk of the private database is full (\(folder.path)): its reserve of \(ByteCount(bytes: Self.size)) is given up so that jobs can end; "
            + "free at least \(ByteCount(bytes: Self.size + Self.margin)) there: until then no job begins, and there is no second reserve"
    }

    var takenAgain: String { "the disk of the private database has room again (\(folder.path)): its reserve is made anew" }
}
