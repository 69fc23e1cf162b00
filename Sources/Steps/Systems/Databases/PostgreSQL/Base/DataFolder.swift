import Basics
import Foundation
import HostKit
import StepKit
import StorageKit

/// Where a base backup is restored to: a data folder, and a folder beside it for tablespaces.
struct DataFolder: Sendable {
    let path: String
    let tablespaces: String
    private let key: String
    private let origin: String

    init(_ settings: Settings, key: String) throws(StepError) {
        guard let path = try settings.optional(PostgreSQLType.dataFolder) else {
            throw StepError(
                .invalidSetting, expected: "`dataFolder`, where the cluster is to lie", found: "nothing", at: settings.origin,
                advice: "add `dataFolder: /var/lib/postgresql/15/main`")
        }
        self.path = path
        tablespaces = try settings.optional(PostgreSQLType.tablespaceFolder) ?? path + ".tablespaces"
        self.key = key
        origin = settings.origin
    }

    var isEmpty: Bool { Self.isEmpty(path) && Self.isEmpty(tablespaces) }

    private static func isEmpty(_ folder: String) -> Bool {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).isEmpty
    }

    /// Lends a writer of a base backup's tree. Old and new files are never mixed: what is there is moved aside when it may be replaced.
    func withWriter<Result: Sendable>(
        overwrite: Bool, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        try refuseRunningServer()
        // Beside the folder while it is filled: what is in it then comes from an attempt of this step that broke off.
        let mark = "\(path).restoring-\(key)"
        let isOwn = FileManager.default.fileExists(atPath: mark)
        for folder in [path, tablespaces] where !Self.isEmpty(folder) {
            guard overwrite || isOwn else {
                throw StepError(
                    .exists, expected: "an empty folder", found: "something in it", at: folder,
                    advice: "move it away, or declare `overwrite: true`: it is then kept as \(aside(folder))")
            }
            try clear(folder, isOwn: isOwn)
        }
        try FolderTarget.makeFolder(path)
        // The folder above may be the server's user's: what has the mark's name is not written through.
        let made = Glibc.open(mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
        guard made >= 0 else {
            throw StepError(.failed, expected: "to write beside the data folder", found: String(cString: strerror(errno)), at: mark)
        }
        close(made)
        return try await FolderTarget.withWriter(path: path, overwrite: false) { data in
            let tablespaces = tablespaces
            let result = try await body(BaseBackupWriter(data: data, tablespaceFolder: tablespaces))
            try finish()
            unlink(mark)
            return result
        }
    }

    /// The control file gets its name last: a server starts on everything or on nothing.
    private func finish() throws(StepError) {
        let whole = "\(path)/\(DataFolderFiles.control)"
        let (unfinished, control) = (BaseBackupWriter.unfinishedControl.parts, DataFolderFiles.control.parts)
        do {
            // By descriptors: of the folder on the way a copy may have made a link.
            let folder = try FolderHandle(opening: path).folder(TreePath(Array(control.dropLast())))
            let result = FolderHandle.withName(unfinished[unfinished.count - 1]) { from in
                FolderHandle.withName(control[control.count - 1]) { renameat(folder.descriptor, from, folder.descriptor, $0) }
            }
            guard result == 0 || errno == ENOENT else { throw StorageError.system(errno, expected: "to rename it", at: whole) }
        } catch let error as StorageError where error.kind == .notFound {
            // What was restored is a part without it.
        } catch {
            throw StepError(
                .failed, expected: "to give the control file its name", found: (error as? StorageError)?.found ?? "\(error)", at: whole,
                retry: .transient)
        }
    }

    private func aside(_ folder: String) -> String { "\(folder).replaced-\(key)" }

    /// What was there before the step is kept; what a broken attempt of it left is thrown away.
    private func clear(_ folder: String, isOwn: Bool) throws {
        do {
            if isOwn {
                try FolderRemoval.remove(folder)
            } else {
                try FileManager.default.moveItem(atPath: folder, toPath: aside(folder))
            }
        } catch {
            throw StepError(
                .failed, expected: "to clear \(folder)", found: (error as? Explanation)?.found ?? error.localizedDescription, at: origin,
                advice: "empty it by hand, or restore into another folder")
        }
    }

    private func refuseRunningServer() throws(StepError) {
        let found: [UInt8]?
        do throws(Explanation) {
            // Where there is no folder there is no server.
            found = try (try? ForeignFolder(URL(fileURLWithPath: path).resolvingSymlinksInPath().path, of: nil))?
                .read("postmaster.pid", atMost: 64)
        } catch {
            throw StepError(
                .serverRuns, expected: "no server on the data folder", found: "a lock file that is not understood: \(error.found)",
                at: error.location, advice: "see that no server runs there, and remove the file")
        }
        guard let bytes = found,
            let pid = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.flatMap({ pid_t($0) }),
            kill(pid, 0) == 0 || errno == EPERM
        else { return }
        throw StepError(
            .serverRuns, expected: "no server on the data folder", found: "process \(pid)", at: path, advice: "stop it first: pg_ctl stop"
        )
    }
}
