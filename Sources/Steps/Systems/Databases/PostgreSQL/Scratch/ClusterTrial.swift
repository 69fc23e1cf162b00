import Basics
import Foundation
import PostgreSQL
import StepKit

/// Checks of a restored cluster: the manifest before a server touches it, queries and structures while one runs, checksums after it stopped.
struct ClusterTrial: Sendable {
    private let trial: ScratchTrial
    private let cluster: RestoredCluster

    init(_ trial: ScratchTrial, _ cluster: RestoredCluster) {
        self.trial = trial
        self.cluster = cluster
    }

    func run(_ checks: [ScratchCheck]) async throws -> [[String: JSONValue]] {
        let data = cluster.data
        let idle = trial.server(on: data)
        let hasManifest = cluster.hasManifest
        if hasManifest, checks.contains(where: \.manifest) {
            try await trial.run("pg_verifybackup", ["--quiet", "--exit-on-error", data], idle, "every file to be as the server listed it")
        }
        let needed = try cluster.confine()
        if let user = trial.user { try ScratchTree(path: cluster.root, user: user).give() }
        let scratch = trial.server(on: data, try await controlFacts(idle).settings.merging(needed) { $1 })
        let role = trial.server.user
        try await scratch.run(as: role) {
            for check in checks { try await check.ask { scratch.settings(user: role, database: $0) } }
            if checks.contains(where: \.amcheck) { try await trial.amcheck(scratch, as: role) }
        }
        let checksums = checks.contains(where: \.checksums) ? try await checksums(scratch) : nil
        return checks.map { check in
            var facts: [String: JSONValue] = [
                "serverVersion": .int(Int64(trial.binaries.major)), "queries": .int(Int64(check.queries.count)),
            ]
            if check.manifest, hasManifest { facts["manifest"] = "as the server listed it" }
            if check.amcheck { facts["amcheck"] = "no damage" }
            if check.checksums, let checksums { facts["checksums"] = .string(checksums) }
            return facts
        }
    }

    private func controlFacts(_ scratch: ScratchServer) async throws -> ControlFacts {
        let result = try await CommandRunner(try scratch.program([trial.binaries.program("pg_controldata"), "-D", cluster.data])).run()
        guard result.ending == .exited(0) else { throw trial.damage("a control file that can be read", trial.lastWords(result)) }
        return ControlFacts(result.output)
    }

    /// After a clean shutdown: the program refuses anything else.
    private func checksums(_ scratch: ScratchServer) async throws -> String {
        let result = try await CommandRunner(
            try scratch.program([trial.binaries.program("pg_checksums"), "--check", "-D", cluster.data])
        ).run()
        if result.errors.contains("data checksums are not enabled") { return "the cluster has none" }
        guard result.ending == .exited(0) else { throw trial.damage("every page to have its checksum", await named(result, scratch)) }
        let blocks = result.output.split(separator: "\n").first { $0.hasPrefix("Blocks scanned:") }?.split(separator: " ").last ?? "?"
        return "\(blocks) pages are good"
    }

    /// The server, started once more, knows which relations the files are.
    private func named(_ result: ProgramResult, _ scratch: ScratchServer) async -> String {
        let failures = result.errors.split(separator: "\n").filter { $0.contains("verification failed") }.prefix(3)
        let text = failures.isEmpty ? trial.lastWords(result) : failures.joined(separator: " | ")
        let role = trial.server.user
        let again = trial.server(on: cluster.data, scratch.cluster)
        let names = RelationNames { again.settings(user: role, database: $0) }
        return (try? await again.run(as: role) { await names.explained(text) }) ?? text
    }
}
