import FlowModel
import PostgreSQL
public import StepKit

extension EngineStore {
    public func base(tenant: String, systemIdentity: String, repositoryID: String) async throws -> Base? {
        let rows = try await pool.repeatable(Self.sql("find-base"), [.text(tenant), .text(systemIdentity), .text(repositoryID)])
        return rows.first.flatMap(Self.base)
    }

    /// The oldest first.
    public func proofs(tenant: String, repositoryID: String) async throws -> [Proof] {
        try await pool.repeatable(Self.sql("list-proofs"), [.text(tenant), .text(repositoryID)]).map { row in
            guard let level = Proof.Level(rawValue: try row.get("level")) else {
                throw StoreError("unknown-level", expected: "a level of proof of this version", found: try row.get("level"), at: "proofs")
            }
            return Proof(
                repositoryID: try row.get("repositoryID"), snapshotID: try row.get("snapshotID"), level: level,
                isGood: try row.get("is_good"),
                details: (try? row.get("details")) ?? .null)
        }
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
