import Foundation

/// Who gives a command, for the journal.
enum Person {
    static var name: String {
        let environment = ProcessInfo.processInfo.environment
        return environment["SUDO_USER"] ?? environment["USER"] ?? environment["LOGNAME"] ?? "user \(geteuid())"
    }
}
