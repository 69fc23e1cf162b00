import Basics
import Rigs
import Testing

// One after the other: a server of one process gets enough of one at a time, while the other suites run beside.
@Suite(.serialized) struct SFTPConformanceTests {
    @Test(arguments: StoreCheck.all(of: .sftp)) func keeps(_ sample: StoreSample, _ check: StoreCheck) async throws {
        try await check(sample)
    }
}

extension StoreSample {
    /// A private sshd, whose folder is this machine's: restic opens it there.
    static let sftp = StoreSample(name: "sftp", type: "sftp") { _, folder in
        Place(settings: try await SSHRig.running().settings(folder.file("repo")), restic: Restic(repository: folder.file("repo")))
    }
}
