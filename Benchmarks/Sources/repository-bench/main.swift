import Foundation
import Repository
import StorageKit

/// repository-bench init|backup|restore|check|prune REPOSITORY [FOLDER]: what `restic` of the same words does, for side-by-side timing.
let arguments = CommandLine.arguments
guard arguments.count >= 3, let password = ProcessInfo.processInfo.environment["RESTIC_PASSWORD"] else {
    print("usage: RESTIC_PASSWORD=... repository-bench init|backup|restore|check|prune REPOSITORY [FOLDER]")
    exit(2)
}
let store = LocalStore(path: arguments[2])
if arguments[1] == "init" {
    _ = try await Repository.create(on: store, password: Array(password.utf8))
    exit(0)
}
let repository = try await Repository.open(store, password: Array(password.utf8))
switch arguments[1] {
case "backup":
    let report = try await repository.archive(FolderReader(arguments[3]), ArchiveOptions(host: "bench"))
    print(report.summary)
case "restore":
    guard let snapshot = try await repository.snapshots().last else { exit(1) }
    let report = try await repository.restore(snapshot, to: try FolderWriter(arguments[3]))
    print(report.files, report.bytes, report.failures)
case "check": print(try await repository.check(CheckOptions(read: .all)).problems)
case "prune": print(try await repository.prune())
default: exit(2)
}
