import FlowModel
import Foundation
import PostgreSQL
import StepKit
import StorageKit

/// Checks of restored dumps: a new, empty scratch server gets them and is asked.
struct DumpTrial: Sendable {
    private let trial: ScratchTrial
    private static let superuser = "postgres"

    init(_ trial: ScratchTrial) { self.trial = trial }

    func run(_ checks: [ScratchCheck]) async throws -> [[String: JSONValue]] {
        let dumps = try dumps()
        let data = ScratchServer.own(in: trial.scratch) + "/data"
        let scratch = trial.server(on: data)
        try ScratchServer.makeFolder(scratch.folder, for: trial.user)
        let initdb = try scratch.program([
            trial.binaries.program("initdb"), "-D", data, "-U", Self.superuser, "-E", "UTF8", "--locale=C.UTF-8", "--auth=trust",
            "--no-sync",
        ])
        try await CommandRunner(initdb).run().require(of: initdb)
        let values: [String: JSONValue] = [
            "host": .string(scratch.sockets), "user": .string(Self.superuser), "programs": .string(trial.binaries.folder),
        ]
        let context = trial.context
        let target = try PostgreSQLServer(Settings(values, origin: trial.origin), secrets: context.secrets)
        try await scratch.run(as: Self.superuser) {
            do {
                try await DumpRestore(server: target, database: nil, overwrite: false, context: context, isScratch: true).run(dumps)
            } catch let error as StepError where error.kind == .commandFailed {
                var failure = error
                failure.kind = .verification
                failure.expected = "every dump to be restorable: " + error.expected
                throw failure
            }
            for check in checks { try await check.ask { scratch.settings(user: Self.superuser, database: $0) } }
            if checks.contains(where: \.amcheck) { try await trial.amcheck(scratch, as: Self.superuser) }
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
