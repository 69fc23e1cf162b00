import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// A password file opens the same repository with restic and with this program, whatever stands in it beside the password.
@Suite struct PasswordFileTests {
    private static func utf16(_ text: String, bigEndian: Bool) -> [UInt8] {
        (bigEndian ? [0xFE, 0xFF] : [0xFF, 0xFE])
            + text.utf16.flatMap { unit in
                let bytes = [UInt8(unit >> 8), UInt8(truncatingIfNeeded: unit)]
                return bigEndian ? bytes : bytes.reversed()
            }
    }

    /// What a person, an editor or another system makes of a password.
    private static let files: [String: [UInt8]] = [
        "line ends": Array("geheim\r\n\n\n".utf8),
        "blanks around": Array(" \t\u{B}geheim\u{C} \n".utf8),
        "two lines": Array("ge heim\nplus\n".utf8),
        "a mark": [0xEF, 0xBB, 0xBF] + Array(" geheim\r\n".utf8),
        "a mark behind a blank": [0x20, 0xEF, 0xBB, 0xBF] + Array("geheim".utf8),
        "UTF-16 of Windows": utf16("geheim\u{E4}\u{1F600}\r\n", bigEndian: false),
        "UTF-16, big end first": utf16("geheim\u{E4}\u{1F600}\n", bigEndian: true),
        "UTF-16 that ends like a line": utf16("a\u{A05}\u{A0A}\u{D0A}", bigEndian: false),
        "UTF-16 that ends like a line, big end first": utf16("a\u{50A}", bigEndian: true),
        "UTF-16, cut off": utf16("geheim", bigEndian: false) + [0x41],
        "UTF-16, surrogates": [0xFF, 0xFE, 0x61, 0, 0, 0xD8, 0x62, 0, 0, 0xDC, 1, 0xDC, 0x63, 0],
        "UTF-16 without a mark": Array(utf16("geheim", bigEndian: false).dropFirst(2)),
        "NUL": Array("ge\0heim\n".utf8),
        "no UTF-8": [0x67, 0xE4, 0x68, 0xA0, 0x20, 0x85, 0x0A],
        "blanks of Unicode": Array("\u{A0}\u{3000}geheim\u{85}\u{2003}\u{2029}".utf8),
        "what only looks like one": Array("geheim\u{200B}\u{1C}\n".utf8),
    ]

    @Test func resticOpensWhatWasMadeWithTheSameFile() async throws {
        let folder = try Folder()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, (name, content)) in Self.files.sorted(by: { $0.key < $1.key }).enumerated() {
                if number >= 3 { try await group.next() }
                group.addTask {
                    try folder.write("\(number).txt", content)
                    let password = RepositoryPassword(file: content)
                    _ = try await Repository.create(on: LocalStore(path: folder("\(number)")), password: password)
                    let restic = try ResticRig(repository: folder("\(number)"), password: "", cache: folder("cache\(number)"))
                    let result = try await restic.run(["cat", "config", "--no-cache", "--password-file", folder("\(number).txt")])
                    #expect(result.status == 0, "\(name): \(result.errors)")
                    _ = try await Repository.open(LocalStore(path: folder("\(number)")), password: password)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func whiteSpaceAloneIsNoPassword() async throws {
        let folder = try Folder()
        for content in [[], Array(" \n".utf8), [0xFF, 0xFE], [0xEF, 0xBB, 0xBF, 0x0A]] as [[UInt8]] {
            let error = await #expect(throws: RepositoryError.self) {
                try await Repository.create(on: LocalStore(path: folder("repo")), password: RepositoryPassword(file: content))
            }
            #expect(error?.kind == .invalid)
        }
    }

    /// This program once took only the line end off. Such a repository opens, and a new key is restic's reading of the same file.
    @Test(arguments: [" geheim \n", "\u{FEFF}geheim\r\n", "  \n"]) func whatWasMadeWithBlanksOpensStill(_ text: String) async throws {
        let folder = try Folder()
        try folder.write("password", text)
        let former = Array(text.utf8.prefix { $0 != 0x0A && $0 != 0x0D })
        _ = try await Repository.create(on: LocalStore(path: folder("repo")), password: former)
        let password = RepositoryPassword(file: Array(text.utf8))
        let repository = try await Repository.open(LocalStore(path: folder("repo")), password: password)
        let restic = try ResticRig(repository: folder("repo"), password: "", cache: folder("cache"))
        let arguments = ["cat", "config", "--no-cache", "--password-file", folder("password")]
        #expect(try await restic.run(arguments).status != 0)
        guard text.contains("geheim") else { return }
        _ = try await repository.changePassword(to: password)
        #expect(try await restic.run(arguments).status == 0)
    }
}
