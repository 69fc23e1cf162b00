import Basics
import Foundation
import StorageKit
import Testing

@testable import Repository

/// Tests may make keys that are cheap to guess; the program does not.
@Suite struct KeyCostTests {
    @Test func aNewKeyCostsWhatResticsDo() async throws {
        let folder = try Folder()
        let repository = try await Repository.create(on: LocalStore(path: folder("repo")), password: Array("geheim".utf8))
        _ = try await repository.addKey(password: Array("other".utf8))
        let keys = try FileManager.default.contentsOfDirectory(atPath: folder("repo/keys"))
        #expect(keys.count == 2)
        for key in keys {
            let file = try JSONValue(parsing: Data(contentsOf: URL(fileURLWithPath: folder("repo/keys/" + key))))
            #expect(file["N"] == 32768 && file["r"] == 8 && file["p"] == 1, "\(file)")
        }
    }
}
