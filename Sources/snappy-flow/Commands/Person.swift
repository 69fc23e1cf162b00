import FlowControl
import Foundation

/// Who gives a command, for the journal and for approvals.
enum Person {
    static var requester: Requester { Requester(name: name, groups: groups) }

    static var name: String {
        let environment = ProcessInfo.processInfo.environment
        return environment["SUDO_USER"] ?? environment["USER"] ?? environment["LOGNAME"] ?? "user \(geteuid())"
    }

    /// The groups of this process's user, by name.
    static var groups: [String] {
        var numbers = [gid_t](repeating: 0, count: max(Int(getgroups(0, nil)), 0))
        let count = getgroups(Int32(numbers.count), &numbers)
        return (numbers.prefix(max(Int(count), 0)) + [getegid()]).compactMap { getgrgid($0).map { String(cString: $0.pointee.gr_name) } }
    }
}
