import Basics
import Foundation
import PostgreSQL
import StepKit
import StorageKit

/// Checks of restored dumps: a new, empty scratch server gets them and is asked.
struct DumpTrial: Sendable {
    private let trial: ScratchTrial
    private let isTrusted: Bool

    /// `isTrusted`: what is in the dumps may run as a superuser of the scratch server.
    init(_ trial: ScratchTrial, isTrusted: Bool) {
        self.trial = trial
        self.isTrusted = isTrusted
    }

    func run(_ checks: [ScratchCheck]) async throws -> [[String: JSONValue]] {
        let dumps = try dumps()
        let data = ScratchServer.own(in: trial.scratch) + "/data"
        let scratch = trial.server(on: data)
        try ScratchServer.makeFolder(scratch.folder, for: trial.user)
        let initdb = try scratch.program([
            trial.binaries.program("initdb"), "-D", data, "-U", ScratchDumps.superuser, "-E", "UTF8", "--locale=C.UTF-8", "--auth=trust",
            "--no-sync",
        ])
        try await CommandRunner(initdb).run().require(of: initdb)
        let target = ScratchDumps(scratch: scratch, isTrusted: isTrusted, context: trial.context)
        try await scratch.run(as: ScratchDumps.superuser) {
            try await target.restore(dumps)
            for check in checks { try await check.ask { scratch.settings(user: target.role, database: $0) } }
            if checks.contains(where: \.amcheck) { try await trial.amcheck(scratch, as: ScratchDumps.superuser) }
        }
        return checks.map { ["dumps": .int(Int64(dumps.count)), "queries": .int(Int64($0.queries.count))] }
    }

    private func dumps() throws -> [DumpFile: SpooledDump] {
        var dumps: [DumpFile: SpooledDump] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: trial.restored) {
            if let file = DumpFile(FileName(name)) { dumps[file] = try SpooledDump(opening: "\(trial.restored)/\(name)") }
        }
        guard !dumps.isEmpty else {
            throw StepError(
                .verification, expected: "a cluster (PG_VERSION, global/pg_control) or dumps (DATABASE.dump)", found: "neither",
                at: trial.restored, advice: "check a copy of a PostgreSQL server")
        }
        return dumps
    }
}
