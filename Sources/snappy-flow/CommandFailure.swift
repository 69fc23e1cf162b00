import Basics

/// Ends a command with a status; `message` goes to standard error.
struct CommandFailure: Error {
    var status: CommandStatus
    var message: String

    init(_ status: CommandStatus, _ message: String = "") {
        self.status = status
        self.message = message
    }
}
