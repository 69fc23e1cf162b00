import FlowModel
import PostgreSQL
public import StepKit

extension EngineStore {
    public func base(tenant: String, systemIdentity: String, repositoryID: String) async throws -> Base? {
        let rows = try await pool.query(Self.sql("find-base"), [.text(tenant), .text(systemIdentity), .text(repositoryID)])
        return try rows.first?.get("base", as: JSONValue.self).decoded(as: Base.self)
    }

    /// The oldest first.
    public func proofs(tenant: String, repositoryID: String) async throws -> [Proof] {
        try await pool.query(Self.sql("list-proofs"), [.text(tenant), .text(repositoryID)]).map { row in
            guard let level = Proof.Level(rawValue: try row.get("level")) else {
                throw StoreError("unknown-level", expected: "a level of proof of this version", found: try row.get("level"), at: "proofs")
            }
            return Proof(
                repositoryID: try row.get("repositoryID"), snapshotID: try row.get("snapshotID"), level: level,
                isGood: try row.get("is_good"),
                details: try row.get("details"))
        }
    }

    /// Those that `bases` replace and that no other (system, repository) still needs; locked until the transaction ends.
    func formerBases(of bases: [Base], tenant: String, on connection: Connection) async throws -> [Base] {
        let rows = try await connection.query(Self.sql("former-bases"), [.text(tenant), .json(try JSONValue(encoding: bases))])
        return try rows.map { try $0.get("base", as: JSONValue.self).decoded(as: Base.self) }
    }
}
