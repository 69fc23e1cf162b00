import FlowModel
import Basics
import Foundation
import Rigs
import StepKit
import Testing

@testable import Steps

/// What a body reads of its job was in rows that others may have written: a path or a name out of one is not followed where no step made it.
@Suite struct RecordedRowTests {
    private func stage() throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.write("home/a.txt", "alpha")
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("home")), "staging": "16MiB"])
        return stage
    }

    @Test func aScratchFolderThatIsNoneIsNotRemoved() async throws {
        let stage = try stage()
        for place in ["victim", "other/restored", "sf-verify/restored/../../victim", "open/sf-verify/restored", "link/sf-verify/restored"] {
            try stage.write("victim/file", "precious")
            try stage.write("other/restored/file", "precious")
            try stage.write("open/sf-verify/restored/file", "precious")
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: stage.folder.file("open/sf-verify"))
            try stage.write("real/restored/file", "precious")
            try stage.write("link/file", "")
            try? FileManager.default.createSymbolicLink(
                atPath: stage.folder.file("link/sf-verify"), withDestinationPath: stage.folder.file("real"))
            try await stage.recorder.recordUndo(["folder": .string(stage.folder.file(place))])
            let error = await #expect(throws: StepError.self, "\(place)") { try await stage.undo("verify", id: "verify") }
            #expect(error?.retry == .permanent && error?.found == stage.folder.file(place))
            for file in ["victim/file", "other/restored/file", "open/sf-verify/restored/file", "real/restored/file"] {
                #expect(stage.exists(file), "\(place)")
            }
        }
        // Another worker's of this user.
        try stage.write("worker2/sf-verify/restored/file", "left")
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: stage.folder.file("worker2/sf-verify"))
        try await stage.recorder.recordUndo(["folder": .string(stage.folder.file("worker2/sf-verify/restored"))])
        try await stage.undo("verify", id: "verify")
        #expect(!stage.exists("worker2/sf-verify/restored"))
    }

    @Test(arguments: ["../../secret", "a/b", "", "-x", "Sf-1", "a b", "a\u{e9}"]) func aSystemSnapshotsKeyIsNoPath(key: String) async throws
    {
        let stage = try stage()
        try await stage.run("snapshot", id: "snapshot-home", .systems(["home"]))
        let rotten: JSONValue = ["key": .string(key), "state": [:]]
        stage.set(outputs: ["snapshots": ["home": rotten]], of: "snapshot-home")
        let copy = await #expect(throws: StepError.self) {
            try await stage.run("copy", id: "copy", .systems(["home"]), ["to": "vault"], snapshots: ["home": "snapshot-home"])
        }
        #expect(copy?.found == key)
        try await stage.recorder.recordUndo(["former": rotten])
        let undo = await #expect(throws: StepError.self) { try await stage.undo("snapshot", id: "snapshot-home", .systems(["home"])) }
        #expect(undo?.found == key)
    }
}
