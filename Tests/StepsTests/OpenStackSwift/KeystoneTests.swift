import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// OpenStack's identity service in front of OpenStack's object store.
@Suite struct KeystoneTests {
    private let folder: ScratchFolder
    private let rig: KeystoneRig
    private let container = "k\(UUID().uuidString.prefix(8).lowercased())"

    init() async throws {
        folder = try ScratchFolder("keystone-test")
        rig = try await KeystoneRig.running()
    }

    private func secret(_ text: String) throws -> JSONValue {
        let file = folder.file("secret-\(UInt32.random(in: .min ... .max))")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return ["fromFile": .string(file)]
    }

    private func settings(_ more: [String: JSONValue]) -> [String: JSONValue] {
        ["authURL": .string(rig.authURL), "container": .string(container), "region": "RegionOne"].merging(more) { $1 }
    }

    private func byPassword(_ more: [String: JSONValue] = [:]) throws -> [String: JSONValue] {
        settings(["user": .string(rig.user), "userPassword": try secret(rig.password), "project": .string(rig.project)]).merging(more) {
            $1
        }
    }

    private func open(_ settings: [String: JSONValue]) async throws -> any ObjectStore {
        try await SwiftRepositoryType().open(Settings(settings, origin: "repository sample"), StoreContext(secrets: FileSecrets()))
    }

    private func refusal(_ settings: [String: JSONValue]) async throws -> StorageError? {
        await #expect(throws: StorageError.self) { try await open(settings).create() }
    }

    @Test func aPasswordAndAnApplicationCredentialLetIn() async throws {
        let store = try await open(byPassword())
        try await store.create()
        try await store.put("config", [1, 2, 3])
        let application = try await open(
            settings([
                "applicationCredential": .string(rig.applicationCredential), "applicationSecret": secret(rig.applicationSecret),
            ]))
        #expect(try await application.get("config") == [1, 2, 3])
        try await application.delete("config")
        #expect(try await store.stat("config") == nil)
    }

    @Test func whatKeystoneRefusesIsSaidInItsTerms() async throws {
        let password = try await refusal(byPassword(["userPassword": secret("wrong")]))
        #expect(password?.kind == .accessDenied && password?.retry == .permanent, "\(String(describing: password))")
        #expect(password?.advice.contains("project") == true)
        let project = try await refusal(byPassword(["project": "other"]))
        #expect(project?.kind == .accessDenied, "\(String(describing: project))")
        let application = try await refusal(
            settings(["applicationCredential": .string(rig.applicationCredential), "applicationSecret": secret("wrong")]))
        #expect(application?.kind == .accessDenied && application?.advice.contains("applicationCredential") == true)
        // May come in, may not write.
        let reader = try await refusal(byPassword(["user": "bob", "userPassword": secret("bobpass")]))
        #expect(reader?.kind == .accessDenied && reader?.advice.contains("roles") == true, "\(String(describing: reader))")
        let version = try await refusal(byPassword(["authURL": .string(rig.authURL.replacing("/v3", with: "/v9/v3"))]))
        #expect(version?.retry == .permanent, "\(String(describing: version))")
    }

    @Test func theCatalogueSaysWhere() async throws {
        let several = try await refusal(byPassword(["region": .null]))
        #expect(several?.found == "RegionOne, RegionTwo" && several?.advice.contains("region") == true, "\(String(describing: several))")
        let unknown = try await refusal(byPassword(["region": "Mars"]))
        #expect(unknown?.kind == .notFound && unknown?.found.contains("RegionOne") == true, "\(String(describing: unknown))")
        let down = try await refusal(byPassword(["region": "RegionTwo"]))
        #expect(down?.kind == .unavailable && down?.retry == .transient, "\(String(describing: down))")
        let none = try await refusal(byPassword(["interface": "internal"]))
        #expect(none?.kind == .notFound && none?.advice.contains("interface") == true, "\(String(describing: none))")
    }

    @Test func resticComesInByTheSameDoor() async throws {
        let stage = try StepStage()
        try stage.declare(repository: "vault", "swift", byPassword())
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("data"))])
        try FileManager.default.createDirectory(atPath: stage.folder.file("data"), withIntermediateDirectories: true)
        try Data("kept".utf8).write(to: URL(fileURLWithPath: stage.folder.file("data/a")))
        try await stage.run("copy", id: "copy", .systems(["home"]), ["to": "vault"])
        let restic = try ResticRig(
            repository: "swift:\(container):/", password: StepStage.password, cache: folder.file("cache"),
            environment: [
                "OS_AUTH_URL": rig.authURL, "OS_USERNAME": rig.user, "OS_PASSWORD": rig.password, "OS_PROJECT_NAME": rig.project,
                "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default", "OS_REGION_NAME": "RegionOne",
            ])
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("backup", stage.folder.file("data"))
        let repository = try await Repository.open(try await open(byPassword()), password: Array(StepStage.password.utf8))
        let report = try await repository.check(CheckOptions(read: .all))
        #expect(report.isSound && report.snapshots == 2, "\(report.problems)")
    }
}
