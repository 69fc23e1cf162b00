import Basics
import FlowModel
import Foundation
import PostgreSQL

extension DoctorCommand {
    func checkFolders(_ report: inout DoctorReport) {
        let folders = Folders()
        for (name, path) in [("state", folders.state), ("cache", folders.cache)] {
            var existing = URL(fileURLWithPath: path)
            while !FileManager.default.fileExists(atPath: existing.path), existing.path != "/" { existing.deleteLastPathComponent() }
            if FileManager.default.isWritableFile(atPath: existing.path) {
                report.good("\(name) folder \(path)")
            } else {
                report.bad("\(name) folder \(path): \(existing.path) is not writable", do: "set XDG_\(name.uppercased())_HOME")
            }
        }
    }

    /// Looked at when the database runs: what has room makes its reserve then.
    func checkRoom(_ plan: Plan?, _ report: inout DoctorReport) async {
        do {
            let room = try await RoomCheck.of(plan, database: database)
            if let refusal = room.refusal {
                report.bad(refusal)
            } else {
                report.good(room.summary)
            }
            for warning in room.warnings { report.bad(warning, do: "") }
            if plan == nil, try database.named == nil, case let cluster = try EmbeddedCluster.standard(),
                let status = try? cluster.status(),
                status.major != nil, !status.hasReserve
            {
                report.bad(
                    "the private database has no reserve of room: its disk was full, or nearly is", do: "free space at \(cluster.path)")
            }
        } catch {
            report.bad(error, about: "room")
        }
    }
}
