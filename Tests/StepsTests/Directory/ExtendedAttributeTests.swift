import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// Extended attributes and ACLs go into the copy and come back, for files as for folders, and restic reads them the same.
@Suite struct ExtendedAttributeTests {
    /// `user::rw-,user:1234:rw-,group::r--,mask::rw-,other::r--`: acl(5) in the kernel's bytes, version 2, little-endian.
    private static let acl: [UInt8] =
        [2, 0, 0, 0] + entry(0x01, 6) + entry(0x02, 6, 1234) + entry(0x04, 4) + entry(0x10, 6) + entry(0x20, 4)

    private static func entry(_ tag: UInt8, _ permissions: UInt8, _ id: UInt32 = .max) -> [UInt8] {
        [tag, 0, permissions, 0] + withUnsafeBytes(of: id.littleEndian) { Array($0) }
    }

    private func set(_ path: String, _ name: String, _ value: [UInt8]) {
        #expect(ExtendedAttributes.set(ExtendedAttribute(name: name, value: value), at: path) == 0)
    }

    private func attributes(_ path: String) throws -> [String: [UInt8]] {
        let name = (path as NSString).lastPathComponent
        let folder = try FolderHandle(opening: (path as NSString).deletingLastPathComponent)
        let found = try ExtendedAttributes.read(FileName(name), in: folder)
        return Dictionary(found.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }

    private func filled() throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.write("home/file", "content")
        try stage.write("home/empty", "")
        try stage.write("home/folder/deep", "more")
        for name in ["home/file", "home/empty", "home/folder", "home/folder/deep"] {
            set(stage.folder.file(name), "user.origin", Array("of \(name)".utf8))
            set(stage.folder.file(name), "user.nothing", [])
            set(stage.folder.file(name), "system.posix_acl_access", Self.acl)
        }
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("home"))])
        try stage.declare(system: "drill", "directory", ["path": .string(stage.folder.file("drill"))])
        return stage
    }

    @Test func theyComeBackAndResticReadsThemToo() async throws {
        let stage = try filled()
        let first = try await stage.run("copy", id: "copy-1", .systems(["home"]), ["to": "vault"])
        #expect(first.missed == [])
        // Read or unchanged, a file is recorded the same.
        try await stage.run("copy", id: "copy-2", .systems(["home"]), ["to": "vault"])
        let snapshots = try await stage.store("vault").snapshots()
        #expect(snapshots.count == 2 && Set(snapshots.map(\.tree)).count == 1)

        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "drill"])
        try await stage.restic("vault").succeed("restore", "latest", "--target", stage.folder.file("theirs"))
        for name in ["file", "empty", "folder", "folder/deep"] {
            let expected = try attributes(stage.folder.file("home/\(name)"))
            #expect(expected.keys.contains("system.posix_acl_access") && expected.keys.contains("user.nothing"))
            #expect(try attributes(stage.folder.file("drill/\(name)")) == expected, "\(name)")
            #expect(try attributes(stage.folder.file("theirs") + stage.folder.file("home/\(name)")) == expected, "restic's \(name)")
        }
    }

    @Test func aNameThatATreeCanNotHoldIsReportedAndTheFileCopied() async throws {
        let stage = try filled()
        let python = try Process.run(
            URL(fileURLWithPath: "/usr/bin/python3"),
            arguments: ["-c", "import os, sys; os.setxattr(sys.argv[1], b'user.\\xff', b'1')", stage.folder.file("home/file")])
        python.waitUntilExit()
        #expect(python.terminationStatus == 0)
        let result = try await stage.run("copy", id: "copy", .systems(["home"]), ["to": "vault"])
        #expect(result.missed.count == 1 && result.missed.first?.contains("file") == true, "\(result.missed)")
        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "drill"])
        #expect(try stage.read("drill/file") == "content")
        #expect(try attributes(stage.folder.file("drill/file"))["user.origin"] == Array("of home/file".utf8))
    }
}
