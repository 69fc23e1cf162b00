import Basics
import StepKit

/// The `filesystem` system type: a mounted file system, frozen by the kernel so that its image below is whole.
struct FileSystemType: SystemType {
    let name = "filesystem"
    let summary = "A mounted file system on a worker's host, which the kernel can freeze"
    let schema = SettingsSchema([path.field] + SelectionSettings.fields)
    let scope = AcquisitionScope.host
    let needs = [MachineNeed.administration.only(for: [.quiescing])]

    static let path = Setting<String>.required("path", "Where it is mounted", type: .path)

    func identity(_ settings: Settings) throws(StepError) -> String {
        "filesystem:" + DirectoryType.normalised(try settings.value(Self.path))
    }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> FileSystemSystem {
        var values = settings.values
        values[DirectoryType.oneFileSystem.name] = true
        let files = try await DirectoryType().open(Settings(values, origin: settings.origin), context)
        return FileSystemSystem(files: files, origin: settings.origin)
    }
}
