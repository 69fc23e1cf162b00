import FlowModel
import Foundation
import PostgreSQL
import StepKit
import StorageKit

/// Checks of one restored copy: the manifest before a server touches it, queries and structures while one runs, checksums after it stopped.
struct ScratchTrial: Sendable {
    let restored: String
    let check: ScratchCheck
    let origin: String
    let server: PostgreSQLServer
    let context: StepContext
    private let binaries: ServerBinaries
    private let user: ServerUser?

    init(restored: String, check: ScratchCheck, origin: String, server: PostgreSQLServer, context: StepContext) async throws {
        self.restored = restored
        self.check = check
        self.origin = origin
        self.server = server
        self.context = context
        user = try ServerUser.current()
        binaries = try await Self.binaries(for: restored, declared: server.declaredPrograms, origin: origin)
        if let user {
            // Only the way in: the data folder itself stays its owner's.
            for folder in [context.scratchFolder, restored] { chmod(folder, 0o711) }
            guard user.canReach(restored) else {
                throw StepError(
                    .failed, expected: "a scratch folder that user \(user.name), as whom the server runs, can reach",
                    found: "one that is closed to it",
                    at: restored, advice: "let others pass through the folders above it (chmod o+x), or set XDG_CACHE_HOME")
            }
        }
    }

    /// Those of the copy's own version; for dumps the newest.
    private static func binaries(for restored: String, declared: String?, origin: String) async throws -> ServerBinaries {
        let text = try? String(contentsOfFile: restored + "/data/PG_VERSION", encoding: .utf8)
        let major = text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        let installed = await ServerBinaries.installed()
        let fitting = installed.filter { major == nil || $0.major == major }
        if let found = fitting.first(where: { $0.folder == declared }) ?? fitting.first { return found }
        throw StepError(
            .programMissing, expected: "the server programs of PostgreSQL\(major.map { " \($0)" } ?? "")",
            found: installed.isEmpty ? "none" : installed.map { "\($0.major)" }.joined(separator: ", "), at: origin,
            advice: "install postgresql\(major.map { "-\($0)" } ?? "") on the worker's host")
    }

    private var scratch: String { restored + "/scratch-server" }

    private func server(on data: String) -> ScratchServer {
        ScratchServer(binaries: binaries, user: user, folder: scratch, data: data, context: context, origin: origin)
    }

    // MARK: a base backup

    func checkCluster() async throws -> [String: JSONValue] {
        let data = restored + "/data"
        guard FileManager.default.fileExists(atPath: data + "/global/pg_control") else {
            throw StepError(
                .verification, expected: "a base backup (data/global/pg_control)", found: "none", at: restored,
                advice: "check with the method by which the copy was made")
        }
        if let user { for folder in [data, restored + "/tablespaces"] { ScratchServer.give(folder, to: user) } }
        var facts: [String: JSONValue] = ["serverVersion": .int(Int64(binaries.major))]
        let scratch = server(on: data)
        if check.manifest, FileManager.default.fileExists(atPath: data + "/backup_manifest") {
            try await run("pg_verifybackup", ["--quiet", "--exit-on-error", data], scratch, "every file to be as the server listed it")
            facts["manifest"] = "as the server listed it"
        }
        try await scratch.run(as: server.user) {
            try await check.ask { scratch.settings(user: server.user, database: $0) }
            if check.amcheck { try await amcheck(scratch) }
        }
        facts["queries"] = .int(Int64(check.queries.count))
        if check.amcheck { facts["amcheck"] = "no damage" }
        if check.checksums { facts["checksums"] = .string(try await checksums(data, scratch)) }
        return facts
    }

    /// After a clean shutdown: the program refuses anything else.
    private func checksums(_ data: String, _ scratch: ScratchServer) async throws -> String {
        let call = try scratch.program([binaries.program("pg_checksums"), "--check", "-D", data])
        let result = try await CommandRunner(call).run()
        if result.errors.contains("data checksums are not enabled") { return "the cluster has none" }
        try require(result, of: call, "every page to have its checksum")
        let blocks = result.output.split(separator: "\n").first { $0.hasPrefix("Blocks scanned:") }?.split(separator: " ").last ?? "?"
        return "\(blocks) pages are good"
    }

    /// The cluster's first role is its superuser, whatever it is called.
    private func amcheck(_ scratch: ScratchServer) async throws {
        let session = try await Connection.connect(scratch.settings(user: server.user, database: PostgreSQLServer.maintenanceDatabase))
        let superuser: String = try await session.query(ServerQuery.superuser.text).first?.get("name") ?? "postgres"
        let program = binaries.program("pg_amcheck")
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw StepError(
                .programMissing, expected: "pg_amcheck", found: "none", at: binaries.folder,
                advice: "install the server's contributed programs, or leave `amcheck` out")
        }
        try await run(
            "pg_amcheck", ["--all", "--install-missing", "--no-password", "--host=\(scratch.sockets)", "--username=\(superuser)"], scratch,
            "tables and indexes without damage")
    }

    private func run(_ program: String, _ arguments: [String], _ scratch: ScratchServer, _ expected: String) async throws {
        let call = try scratch.program([binaries.program(program)] + arguments)
        try require(try await CommandRunner(call).run(), of: call, expected)
    }

    private func require(_ result: ProgramResult, of call: ProgramCall, _ expected: String) throws(StepError) {
        guard result.ending != .exited(0) else { return }
        let said = (result.output + result.errors).split(separator: "\n").suffix(3).joined(separator: " | ")
        throw StepError(
            .verification, expected: expected, found: said, at: restored,
            advice: "this copy is damaged: look at the source with the same program, and at older copies")
    }

    // MARK: dumps

    func checkDumps() async throws -> [String: JSONValue] {
        var dumps: [DumpFile: SpooledDump] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: restored) {
            if let file = DumpFile(FileName(name)) { dumps[file] = try SpooledDump(opening: "\(restored)/\(name)") }
        }
        guard !dumps.isEmpty else {
            throw StepError(
                .verification, expected: "dumps (DATABASE.dump)", found: "none", at: restored,
                advice: "check with the method by which the copy was made")
        }
        let data = scratch + "/data"
        let scratch = server(on: data)
        try FileManager.default.createDirectory(
            atPath: scratch.folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        if let user { ScratchServer.give(scratch.folder, to: user) }
        let initdb = try scratch.program([
            binaries.program("initdb"), "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--auth=trust", "--no-sync",
        ])
        try await CommandRunner(initdb).run().require(of: initdb)
        let values: [String: JSONValue] = ["host": .string(scratch.sockets), "user": "postgres", "programs": .string(binaries.folder)]
        let target = try PostgreSQLServer(Settings(values, origin: origin), secrets: context.secrets)
        let found = dumps
        try await scratch.run(as: "postgres") {
            do {
                try await DumpRestore(server: target, database: nil, overwrite: false, context: context, isScratch: true).run(found)
            } catch let error as StepError where error.kind == .commandFailed {
                var failure = error
                failure.kind = .verification
                failure.expected = "every dump to be restorable: " + error.expected
                throw failure
            }
            try await check.ask { scratch.settings(user: "postgres", database: $0) }
            if check.amcheck { try await amcheck(scratch) }
        }
        return ["dumps": .int(Int64(dumps.count)), "queries": .int(Int64(check.queries.count))]
    }
}
