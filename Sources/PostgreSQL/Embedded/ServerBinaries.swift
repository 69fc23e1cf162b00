import Basics
import Foundation
import Subprocess
import SystemPackage

/// The programs of one installed PostgreSQL.
package struct ServerBinaries: Sendable, Hashable {
    package var folder: String
    /// 15, 16, ...
    package var major: Int

    static let oldestMajor = 15
    package func program(_ name: String) -> String { folder + "/" + name }

    /// Every installed PostgreSQL that has a server, newest first.
    package static func installed() async -> [ServerBinaries] {
        var folders: [String] = []
        let debian = "/usr/lib/postgresql"
        for version in (try? FileManager.default.contentsOfDirectory(atPath: debian)) ?? [] { folders.append("\(debian)/\(version)/bin") }
        if let answer = try? await run(.name("pg_config"), arguments: ["--bindir"], output: .string(limit: 4096)),
            let line = answer.standardOutput.split(separator: "\n").first
        {
            folders.append(String(line))
        }
        // A folder of the path may hold links or wrappers: what counts is where the server itself lies.
        for folder in (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":") where folder.hasPrefix("/") {
            let server = URL(fileURLWithPath: "\(folder)/postgres").resolvingSymlinksInPath()
            folders.append(server.deletingLastPathComponent().path)
        }
        var found: [ServerBinaries] = []
        for folder in folders where !found.contains(where: { $0.folder == folder }) {
            if let binaries = await examine(folder) { found.append(binaries) }
        }
        return found.sorted { $0.major > $1.major }
    }

    /// Nil unless the folder has all programs that we need, of one version.
    private static func examine(_ folder: String) async -> ServerBinaries? {
        let programs = ["postgres", "initdb", "pg_ctl"].map { "\(folder)/\($0)" }
        guard programs.allSatisfy({ FileManager.default.isExecutableFile(atPath: $0) }),
            let answer = try? await run(.path(FilePath(programs[0])), arguments: ["--version"], output: .string(limit: 4096)),
            // postgres (PostgreSQL) 15.20 (Debian ...)
            let version = answer.standardOutput.split(separator: " ").dropFirst(2).first,
            let major = Int(version.prefix(while: { $0.isNumber }))
        else { return nil }
        return ServerBinaries(folder: folder, major: major)
    }

    /// The newest for a new cluster, or those of the major version that made the cluster.
    static func choose(for clusterMajor: Int?, folder: String) async throws -> ServerBinaries {
        let installed = await installed()
        let versions = installed.isEmpty ? "none" : installed.map { String($0.major) }.joined(separator: ", ")
        guard let clusterMajor else {
            if let newest = installed.first, newest.major >= oldestMajor { return newest }
            throw PostgreSQLError(
                .noPostgreSQL, expected: "PostgreSQL \(oldestMajor) or newer on this machine", found: versions,
                at: "/usr/lib/postgresql, PATH",
                advice: "install it (apt install postgresql), or name a database with --database")
        }
        guard clusterMajor >= oldestMajor else {
            throw PostgreSQLError(
                .clusterVersion, expected: "a private database of PostgreSQL \(oldestMajor) or newer",
                found: "one of version \(clusterMajor)",
                at: folder, advice: upgradeAdvice(clusterMajor, folder: folder))
        }
        if let match = installed.first(where: { $0.major == clusterMajor }) { return match }
        throw PostgreSQLError(
            .clusterVersion, expected: "PostgreSQL \(clusterMajor), which made this private database", found: "installed: \(versions)",
            at: folder,
            advice: upgradeAdvice(clusterMajor, folder: folder))
    }

    private static func upgradeAdvice(_ major: Int, folder: String) -> String {
        "install postgresql-\(major) again and carry the data over with its pg_dump or pg_upgrade, or move \(folder) away to start with an empty database"
    }
}
