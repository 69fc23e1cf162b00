import Foundation
import StorageKit

/// An object under `locks/` (restic internal/restic/lock.go), with two members of ours that restic passes over.
struct LockFile: Sendable, Hashable {
    var time: GoTime
    var exclusive: Bool
    var hostname: String
    var username: String
    var processID: Int32
    var userID: UInt32
    var groupID: UInt32
    /// Boot and process namespace in which `processID` has a meaning; empty for a lock of restic's.
    var processSpace = ""

    /// A lock this old belongs to nobody: holders refresh theirs every five minutes.
    static let staleAge: Int64 = 30 * 60

    static func own(_ mode: LockMode, at time: FileTime) -> LockFile {
        LockFile(
            time: GoTime(time), exclusive: mode == .exclusive, hostname: HostName.current, username: NSUserName(),
            processID: getpid(), userID: getuid(), groupID: getgid(), processSpace: ProcessSpace.current)
    }

    /// Whether it may be removed without asking: too old, or its process is dead and we can know it.
    func isStale(at now: FileTime) -> Bool {
        if now.seconds - time.time.seconds > Self.staleAge { return true }
        guard !processSpace.isEmpty, processSpace == ProcessSpace.current else { return false }
        return kill(processID, 0) != 0 && errno == ESRCH
    }

    /// What `restic unlock` goes by: also a dead process under the same host name.
    func isAbandoned(at now: FileTime) -> Bool {
        isStale(at: now) || processSpace.isEmpty && hostname == HostName.current && kill(processID, 0) != 0 && errno == ESRCH
    }

    var encoded: [UInt8] {
        var json = GoJSON()
        json.object { json in
            json.key("time")
            json.string(time.text)
            json.key("exclusive")
            json.bool(exclusive)
            json.key("hostname")
            json.string(hostname)
            json.key("username")
            json.string(username)
            json.key("pid")
            json.number(processID)
            json.key("uid")
            json.number(userID)
            json.key("gid")
            json.number(groupID)
            if !processSpace.isEmpty {
                json.key("process_space")
                json.string(processSpace)
            }
        }
        return json.bytes
    }
}

extension LockFile {
    init(decoding bytes: [UInt8], at location: String) throws {
        self.init(time: GoTime(FileTime(seconds: 0)), exclusive: true, hostname: "", username: "", processID: 0, userID: 0, groupID: 0)
        try JSONScanner.scan(bytes, at: location) { json in
            try json.object { json, key in
                switch key {
                case "time": time = try json.time()
                case "exclusive": exclusive = try json.bool()
                case "hostname": hostname = try json.string()
                case "username": username = try json.string()
                case "pid": processID = Int32(clamping: try json.unsigned(UInt32.self))
                case "uid": userID = try json.unsigned()
                case "gid": groupID = try json.unsigned()
                case "process_space": processSpace = try json.string()
                default: try json.skip()
                }
            }
        }
    }
}
