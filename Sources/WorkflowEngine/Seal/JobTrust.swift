public import Basics

/// How far a worker goes for a job: what the job's own row says of its origin is a claim, for whoever can write the database.
public enum JobTrust: Sendable, Hashable {
    /// Made by this user with `run`, and as it was made: nothing that it names is kept from it.
    case local
    /// Handed to the fleet: held by the worker's allow-list.
    case submitted
    /// Recorded as `local`, without this user's seal: made by another user, on another machine, or by whoever can write the database. Held by the
    /// allow-list too, unless the worker's operator wants otherwise.
    case unproven(JobID, maker: String?)
}
