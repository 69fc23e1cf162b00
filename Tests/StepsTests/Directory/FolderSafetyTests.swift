import Basics
import Foundation
import Glibc
import Rigs
import StorageKit
import Testing

@testable import Steps

/// Nothing is read or written outside of the folder, whatever stands in it.
@Suite struct FolderSafetyTests {
    private func reader(_ folder: ScratchFolder) throws -> FolderReader {
        try FolderReader(path: folder.path)
    }

    @Test func aVanishedFileIsNotFound() throws {
        let folder = try ScratchFolder()
        try Data("x".utf8).write(to: URL(fileURLWithPath: folder.file("gone")))
        let reader = try reader(folder)
        #expect(try reader.list(TreePath()).entries.count == 1)
        unlink(folder.file("gone"))
        #expect(throws: StorageError.self) { try reader.open(TreePath("gone")) }
        #expect(
            { () -> ErrorKind? in
                do { _ = try reader.open(TreePath("gone")) } catch let error as StorageError { return error.kind } catch {}
                return nil
            }() == .notFound)
    }

    @Test func aFifoInAFilesPlaceDoesNotHang() throws {
        let folder = try ScratchFolder()
        #expect(mkfifo(folder.file("file"), 0o600) == 0)
        let file = try reader(folder).open(TreePath("file"))
        defer { file.close() }
        let error = #expect(throws: StorageError.self) { try file.metadata() }
        #expect(error?.kind == .changed)
    }

    @Test func aFileThatGrowsWhileReadShowsIt() throws {
        let folder = try ScratchFolder()
        let path = folder.file("log")
        try Data("first\n".utf8).write(to: URL(fileURLWithPath: path))
        let file = try reader(folder).open(TreePath("log"))
        defer { file.close() }
        let before = try file.metadata()
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("second\n".utf8))
        try handle.close()
        let after = try file.metadata()
        #expect(before.size == 6)
        #expect(after.size == 13)
    }

    @Test func linksAreNotFollowedOut() throws {
        let folder = try ScratchFolder()
        let outside = try ScratchFolder("outside")
        try Data("secret".utf8).write(to: URL(fileURLWithPath: outside.file("secret")))
        #expect(symlink(outside.path, folder.file("inner")) == 0)
        let reader = try reader(folder)
        #expect(try reader.metadata(of: TreePath("inner")).kind == .symbolicLink)
        for path in ["inner/secret", "inner"] {
            #expect(throws: StorageError.self) { try reader.open(TreePath(path)) }
        }

        let writer = try FolderWriter(path: folder.path, overwrite: false)
        #expect(throws: StorageError.self) { try writer.makeDirectory(TreePath("inner")) }
        #expect(throws: StorageError.self) { try writer.createFile(TreePath("inner/planted"), size: 1) }
        // Told to overwrite, it replaces the link itself.
        let replacing = try FolderWriter(path: folder.path, overwrite: true)
        try replacing.makeDirectory(TreePath("inner"))
        let file = try replacing.createFile(TreePath("inner/planted"), size: 1)
        try file.finish()
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path) == ["secret"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("inner")) == ["planted"])
    }

    @Test(arguments: ["..", ".", "a\0b"]) func namesThatAreNoNamesAreRefused(_ name: String) throws {
        let folder = try ScratchFolder()
        let writer = try FolderWriter(path: folder.path, overwrite: true)
        let error = #expect(throws: StorageError.self) { try writer.createFile(TreePath([FileName(name), "x"]), size: 1) }
        #expect(error?.kind == .invalid)
    }
}
