import Glibc

extension Refusal {
    /// What the system said about a file of the server's. The client learns what happened, not where.
    init(errno code: Int32, _ what: String) {
        let words = String(cString: strerror(code))
        switch code {
        case ENOENT, ENOTDIR:
            self.init(.notFound, "\(what): there is none of that name; if the repository is new, create it first")
        case EEXIST:
            self.init(.exists, "\(what): there is one of that name, and it is never replaced")
        case ENOSPC, EDQUOT, EFBIG:
            self.init(.full, "\(what): the server's disk is full; free space there, then go on: what was stored is kept")
        default:
            self.init(.failed, "\(what): \(words); look at the server's disk and its log")
        }
    }
}
