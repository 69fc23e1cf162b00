import CLibPQ
import Foundation
import Glibc
import Synchronization

/// libpq's variables of this process's environment (PostgreSQL manual 34.15). libpq takes them for every connection that says nothing else, and so do
/// PostgreSQL's programs: a worker's `PGHOSTADDR` would lead what a document declares to another server. They are taken out, once, and
/// count for an address that a person gives alone.
public enum ClientEnvironment {
    /// As it was when it began, for secrets that are named by variable: those may be libpq's.
    public static var whole: [String: String] {
        let taken = taken.variables
        return ProcessInfo.processInfo.environment.merging(taken) { _, own in own }
    }

    /// To be called before there are threads that read the environment; a first connection does it else.
    public static func takeOut() { _ = taken }

    /// What counts where an address says nothing, by libpq's keywords.
    static var keywords: [String: String] { taken.keywords }

    private struct Taken: Sendable {
        var variables: [String: String] = [:]
        var keywords: [String: String] = [:]
    }

    /// They stand for no keyword, and change what a session begins with.
    private static let others = ["PGDATESTYLE", "PGTZ", "PGGEQO", "PGREQUIRESSL"]

    private static let taken: Taken = {
        var taken = Taken()
        let options = PQconninfoParse("", nil)
        defer { PQconninfoFree(options) }
        var names = others.map { (variable: $0, keyword: String?.none) }
        var option = options
        while let current = option, let keyword = current.pointee.keyword {
            if let variable = current.pointee.envvar { names.append((String(cString: variable), String(cString: keyword))) }
            option = current + 1
        }
        for (variable, keyword) in names {
            guard let value = getenv(variable).map({ String(cString: $0) }) else { continue }
            taken.variables[variable] = value
            if let keyword, !value.isEmpty { taken.keywords[keyword] = value }
            unsetenv(variable)
        }
        return taken
    }()

    private static let lock = Mutex(())

    /// What libpq makes of a service and of this process's variables: what the service's file says comes first. The file may be named by variables that
    /// are left where they are (`PGSERVICEFILE`, `PGSYSCONFDIR`), for they count where a service is named alone.
    static func resolved(service: String) -> [String: String] {
        lock.withLock { _ in
            let variables = taken.variables.merging(["PGSERVICE": service]) { $1 }
            for (name, value) in variables { setenv(name, value, 1) }
            defer { for name in variables.keys { unsetenv(name) } }
            let options = PQconndefaults()
            defer { PQconninfoFree(options) }
            var found: [String: String] = [:]
            var option = options
            while let current = option, let keyword = current.pointee.keyword {
                if let value = current.pointee.val { found[String(cString: keyword)] = String(cString: value) }
                option = current + 1
            }
            // What libpq takes by itself; who says `prefer` in a service file says nothing either.
            if found["sslmode"] == "prefer", taken.keywords["sslmode"] == nil { found["sslmode"] = nil }
            return found
        }
    }
}
