import Basics
import StepKit

/// The `cephfs` system type: a folder of a mounted CephFS, read from its snapshots.
struct CephFSType: SystemType {
    let name = "cephfs"
    let summary = "A folder of a mounted CephFS, copied from an instant snapshot"
    let schema = SettingsSchema([path.field] + SelectionSettings.fields + [snapshotFolder.field, timeout.field])
    /// Whoever has the file system mounted at the same place; who that is, nobody can tell.
    let scope = AcquisitionScope.host
    /// The kernel's client, or Ceph's own.
    let needs = [MachineNeed.fileSystem("ceph", "fuse")]
    /// Who asks a mount whose servers are gone waits in the kernel: in a child process, which can be given up.
    let isolation = Isolation.child(because: .mountMayHang) { try $0.value(Self.timeout) }

    static let path = Setting<String>.required("path", "The folder, on a mounted CephFS", type: .path)
    static let snapshotFolder = Setting<String>(
        "snapshotFolder", "The folder in which the mount shows snapshots: its option `snapdirname`, or `client_snapdir`",
        default: ".snap")

    static let timeout = Setting<TimeSpan>(
        "timeout", "Timeout for an answer of the file system; it is waited for twice, then the attempt fails", default: .minutes(1))

    func identity(_ settings: Settings) throws(StepError) -> String { "cephfs:" + DirectoryType.normalised(try settings.value(Self.path)) }

    func problems(in settings: Settings) -> [SettingProblem] {
        let name = SettingProblem(Self.snapshotFolder.name) {
            let name = try settings.value(Self.snapshotFolder)
            guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
                throw StepError(.invalidSetting, expected: "the name of a folder", found: "\"\(name)\"", at: settings.origin)
            }
        }
        guard let path = try? settings.value(Self.path), !path.contains("${") else { return [name].compactMap { $0 } }
        return [name].compactMap { $0 } + SelectionSettings(settings).problems(root: path)
    }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> CephFSSystem {
        CephFSSystem(
            files: try await DirectoryType().open(settings, context), snapshotFolder: try settings.value(Self.snapshotFolder))
    }
}
