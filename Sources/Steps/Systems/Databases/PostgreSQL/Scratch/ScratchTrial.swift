import Basics
import Foundation
import PostgreSQL
import StepKit

/// What the trials of restored clusters and of restored dumps share: the programs, their user, and the scratch server.
struct ScratchTrial: Sendable {
    let restored: String
    /// Nil where dumps were restored.
    let cluster: RestoredCluster?
    let origin: String
    let server: PostgreSQLServer
    let context: StepContext
    let binaries: ServerBinaries
    let user: ServerUser?

    init(restored: String, origin: String, server: PostgreSQLServer, context: StepContext) async throws {
        self.restored = restored
        self.origin = origin
        self.server = server
        self.context = context
        cluster = try RestoredCluster(in: restored)
        // Superusers of a copied cluster run what they like. A new one of our own is made by initdb, which wants a user that has a name.
        user = cluster == nil ? try ServerUser.current() : ServerUser.passing(for: context.key)
        binaries = try await Self.binaries(for: cluster, declared: server.declaredPrograms, origin: origin)
        if let user {
            // Only the way in, once nothing in it is anybody's but ours.
            if let cluster { try ScratchTree(path: cluster.root, user: user).lend() }
            let folder = URL(fileURLWithPath: restored).deletingLastPathComponent().path
            chmod(folder, 0o711)
            guard user.canReach(folder) else {
                throw StepError(
                    .failed, expected: "a scratch folder that user \(user.name), as whom the server runs, can reach",
                    found: "one that is closed to it",
                    at: restored, advice: "let others pass through the folders above it (chmod o+x), or set XDG_CACHE_HOME")
            }
        }
    }

    /// Those of the copy's own version; for dumps the newest.
    private static func binaries(for cluster: RestoredCluster?, declared: String?, origin: String) async throws -> ServerBinaries {
        let major = cluster?.major
        let installed = await ServerBinaries.installed()
        let fitting = installed.filter { major == nil || $0.major == major }
        if let found = fitting.first(where: { $0.folder == declared }) ?? fitting.first { return found }
        throw StepError(
            .programMissing, expected: "the server programs of PostgreSQL\(major.map { " \($0)" } ?? "")",
            found: installed.isEmpty ? "none" : installed.map { "\($0.major)" }.joined(separator: ", "), at: origin,
            advice: "install postgresql\(major.map { "-\($0)" } ?? "") on the worker's host")
    }

    /// The scratch server's folder.
    var scratch: String { ScratchRestore.beside(restored) }

    func server(on data: String, _ cluster: [String: String] = [:]) -> ScratchServer {
        ScratchServer(
            binaries: binaries, user: user, folder: scratch, data: data, tree: restored, cluster: cluster, context: context,
            origin: origin)
    }

    /// As a superuser, so by functions alone that nobody else could have made: those of an extension of ours, in a schema of ours.
    func amcheck(_ scratch: ScratchServer, as role: String) async throws {
        let superuser = try await scratch.superuser(as: role)
        guard FileManager.default.isExecutableFile(atPath: binaries.program("pg_amcheck")) else {
            throw StepError(
                .programMissing, expected: "pg_amcheck", found: "none", at: binaries.folder,
                advice: "install the server's contributed programs, or leave `amcheck` out")
        }
        let databases = try await Connection.connect(scratch.superuserSettings(superuser)).query(ServerQuery.openDatabases.text)
        for row in databases {
            let session = try await Connection.connect(scratch.superuserSettings(superuser, database: row.get("name")))
            do {
                try await session.make(.amcheckStatements, [.text("snappy_flow_" + String(UInt64.random(in: 0 ... .max), radix: 36))])
            } catch let error as PostgreSQLError where error.sqlState != nil {
                throw StepError(
                    .programMissing, expected: "the extension amcheck", found: error.found, at: binaries.folder,
                    advice: "install the server's contributed programs, or leave `amcheck` out", retry: error.retry)
            }
        }
        try await run(
            "pg_amcheck", ["--all", "--no-password", "--host=\(scratch.sockets)", "--username=\(superuser)"], scratch,
            "tables and indexes without damage", session: ScratchSession.superuserSettings(major: binaries.major))
    }

    func run(
        _ program: String, _ arguments: [String], _ scratch: ScratchServer, _ expected: String, session: [String] = []
    ) async throws {
        let call = try scratch.program([binaries.program(program)] + arguments, session: session)
        let result = try await CommandRunner(call).run()
        guard result.ending != .exited(0) else { return }
        throw damage(expected, lastWords(result))
    }

    func lastWords(_ result: ProgramResult) -> String {
        (result.output + result.errors).split(separator: "\n").suffix(3).joined(separator: " | ")
    }

    func damage(_ expected: String, _ found: String) -> StepError {
        StepError(
            .verification, expected: expected, found: found, at: restored,
            advice: "this copy is damaged: look at the source with the same program, and at older copies")
    }
}
