/// Every exit status of the program. Scripts rely on them; `snappy-flow --help` prints this table.
/// 10 to 12 mean the same as restic's.
public enum CommandStatus: Int32, Sendable, Hashable, CaseIterable {
    case succeeded = 0
    case failed = 1
    case usage = 2
    case partial = 3
    case cleanupFailed = 4
    case cancelled = 5
    case databaseUnavailable = 6
    case damaged = 7
    case outdated = 8
    case noRepository = 10
    case locked = 11
    case wrongPassword = 12
    case interrupted = 130

    public var meaning: String {
        switch self {
        case .succeeded: "succeeded, and everything acquired was undone"
        case .failed: "the job or the command failed"
        case .usage: "wrong arguments, or a document with errors"
        case .partial: "partial: something declared tolerable was missed"
        case .cleanupFailed: "something that the job acquired is still held; it is listed and retried, or a person gave it up"
        case .cancelled: "the job was cancelled, and everything acquired was undone"
        case .databaseUnavailable: "the control database can't be reached or started"
        case .damaged: "a verification found damage"
        case .outdated: "the control database's schema is newer than this program: start the newer one"
        case .noRepository: "there is no repository at that place (of a job's step: 1)"
        case .locked: "the repository is locked by somebody else (of a job's step: 1)"
        case .wrongPassword: "the repository's password is wrong (of a job's step: 1)"
        case .interrupted:
            "interrupted; of `run` and `worker`: a second time, so that the rest of the cleanup is left to the database and the next worker"
        }
    }

    public static var table: String {
        allCases.map { "  \($0.rawValue)\(String(repeating: " ", count: 5 - "\($0.rawValue)".count))\($0.meaning)" }.joined(separator: "\n")
    }
}
