import Basics
import Foundation
import Rigs
import Testing

@testable import WorkflowEngine

@Suite struct SealingKeyTests {
    private func mode(_ path: String) throws -> Int? {
        (try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue
    }

    @Test func manyMakeItAtOnceAndHaveTheSame() async throws {
        let scratch = try ScratchFolder("seal")
        let path = scratch.path + "/state/snappy-flow/jobs.key"
        let codes = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<16 { group.addTask { try SealingKey(file: path, maker: "x").code(of: .sample, maker: "x") } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(codes.count == 1)
        #expect(try mode(path) == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/state/snappy-flow") == ["jobs.key"])
    }

    @Test func aFileOrFolderThatOthersCanChangeIsRefused() throws {
        let scratch = try ScratchFolder("seal")
        let folder = scratch.path + "/state"
        let path = folder + "/jobs.key"
        _ = try SealingKey(file: path, maker: "x")
        func refused(_ expected: String) {
            let error = #expect(throws: Explanation.self) { _ = try SealingKey(file: path, maker: "x") }
            #expect(error?.found.contains(expected) == true, "\(String(describing: error?.found))")
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        refused("mode 0640")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
        refused("mode 0777")
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
        // A link to a key that would do.
        try FileManager.default.moveItem(atPath: path, toPath: folder + "/other.key")
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "other.key")
        refused(String(cString: strerror(ELOOP)))
        try FileManager.default.removeItem(atPath: path)
        try Data("short".utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        refused("5 bytes")
        try FileManager.default.removeItem(atPath: path)
        #expect(mkfifo(path, 0o600) == 0)
        refused("a file of user")
        if geteuid() == 0 {
            try FileManager.default.removeItem(atPath: path)
            #expect(chown(folder, 12345, 12345) == 0)
            refused("owner 12345")
            // Whoever owns a folder above can put another in the place of this one.
            #expect(chown(folder, 0, 0) == 0 && chown(scratch.path, 12345, 12345) == 0)
            refused("owner 12345")
            #expect(chown(scratch.path, 0, 0) == 0)
        }
    }
}
