import Basics
import PostgreSQL
import StepKit

extension EngineStore {
    func base(tenant: String, systemIdentity: String, repositoryID: String) async throws -> Base? {
        let rows = try await pool.repeatable(Self.sql("find-base"), [.text(tenant), .text(systemIdentity), .text(repositoryID)])
        return rows.first.flatMap(Self.base)
    }

    /// The oldest first. One that can't be read, or of a level that this version does not know, is none: it proves nothing and condemns nothing. `notice`
    /// hears of those, once.
    func proofs(tenant: String, repositoryID: String, notice: (String) -> Void = { _ in }) async throws -> [Proof] {
        let rows = try await pool.repeatable(Self.sql("list-proofs"), [.text(tenant), .text(repositoryID)])
        let proofs = rows.compactMap(Self.proof)
        if let row = rows.first(where: { Self.proof($0) == nil }) {
            let (level, snapshot) = (try? row.get("level") as String, try? row.get("snapshotID") as String)
            notice(
                "not counted: \((rows.count - proofs.count).counted("proof")): the level of the first, of snapshot \((snapshot ?? "?").prefix(8)), is \(level ?? "none"); a newer version may have written it"
            )
        }
        return proofs
    }

    private static func proof(_ row: Row) -> Proof? {
        guard let level = (try? row.get("level")).flatMap(Proof.Level.init(rawValue:)),
            let repository = try? row.get("repositoryID") as String,
            let snapshot = try? row.get("snapshotID") as String, let isGood = try? row.get("is_good") as Bool
        else { return nil }
        return Proof(
            repositoryID: repository, snapshotID: snapshot, level: level, isGood: isGood, details: (try? row.get("details")) ?? .null)
    }

    /// Those that `bases` replace and that no other (system, repository) still needs; locked until the transaction ends. One that can't be read names
    /// nothing that could be released.
    func formerBases(of bases: [Base], tenant: String, on connection: Connection) async throws -> [Base] {
        let rows = try await connection.query(Self.sql("former-bases"), [.text(tenant), .json(try JSONValue(encoding: bases))])
        return rows.compactMap(Self.base)
    }

    /// One that can't be read, or that no step of ours has made, is none: the whole is copied then, and nothing is released for it.
    private static func base(_ row: Row) -> Base? {
        guard let base = try? row.get("base", as: JSONValue.self).decoded(as: Base.self), StepKey.isOne(base.snapshot.key) else {
            return nil
        }
        return base
    }
}
