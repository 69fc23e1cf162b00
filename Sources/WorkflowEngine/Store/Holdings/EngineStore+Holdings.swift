public import Basics
import FlowModel
import PostgreSQL
import StepKit

/// What lies outside, compared with what this database knows.
extension EngineStore {
    /// Of each key that a job of this database has given, whichever tenant's, what is known of it: in one look, so that what is owed and what became a base
    /// of it are seen together. The others are missing. Who looked outside first sees what is there armed; what is not claimed once is never claimed
    /// again, for each acquisition has a key of its own.
    public func holdingRecords(of keys: Set<String>) async throws -> [String: HoldingRecord] {
        let sorted = keys.filter(StepKey.isOne).sorted()
        guard !sorted.isEmpty else { return [:] }
        let given = sorted.map { $0.split(separator: "-", maxSplits: 2).prefix(2).joined(separator: "-") }
        return try await pool.repeatable(Self.sql("holding-records"), [.texts(sorted), .texts(given)]).reduce(into: [:]) { found, row in
            // One that can't be read proves nothing.
            guard let record = try? HoldingRecord(row) else { return }
            found[record.key] = record
        }
    }

    /// Runs `body` while no window of any job of this database is open, nor can be opened: claims wait for it, so it must be short. False, and nothing is
    /// done, where one is open. What was frozen and forgotten can be thawed then without opening somebody's window.
    public func withoutWindows(_ body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        try await pool.transaction { connection in
            try await connection.query(Self.sql("lock-holds"))
            guard try await connection.query(Self.sql("windows-open")).first?.get("is_open", as: Bool.self) == false else { return false }
            try await body()
            return true
        }
    }

    /// Workers of a host that count as alive and whose processes are dead, which can be known there alone.
    public func deadNeighbours(host: String) async throws -> Set<WorkerID> {
        Set(try await neighbours(host: host).filter { ProcessIdentity($0.process)?.isDead ?? false }.map(\.worker))
    }

    /// The server's clock and version.
    public func databaseFacts() async throws -> DatabaseFacts {
        guard let row = try await pool.repeatable(Self.sql("database-facts")).first else {
            throw Explanation(.statementFailed, expected: "the server's version", found: "no row", at: place)
        }
        return DatabaseFacts(now: try row.instant("now"), version: try row.get("version"), number: try row.get("number"))
    }
}

/// What a server says of itself.
public struct DatabaseFacts: Sendable, Hashable {
    public var now: Instant
    /// `15.14 (Debian 15.14-0+deb12u1)`
    public var version: String
    /// 150014
    public var number: Int
}

extension HoldingRecord {
    fileprivate init(_ row: Row) throws {
        self.init(
            key: try row.get("key"), tenant: try row.get("tenant"), pipeline: try row.get("pipeline"),
            job: JobID(rawValue: try row.get("job")),
            step: StepID(try row.get("step")), undo: try row.get("undo"), acquirer: StepID(try row.get("acquirer")),
            host: try row.find("host"),
            armedAt: try row.instant("armed_at"), claim: nil)
        let claims: [(String, Claim)] = [("is_armed", .armed), ("is_base", .base), ("is_former", .formerBase), ("goes_on", .jobGoesOn)]
        claim = try claims.first { try row.get($0.0, as: Bool.self) }?.1
    }
}
