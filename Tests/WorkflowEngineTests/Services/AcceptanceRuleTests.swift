import FlowModel
import Basics
import FlowTestKit
import Foundation
import Rigs
import StepKit
import Testing

@testable import WorkflowEngine

@Suite struct AcceptanceRuleTests {
    @Test func aWorkerTakesOnlyStepsWhoseSecretsItHas() async throws {
        let hand = try await ServicesHand.start()
        let plan = TestPlan.backup(folder: hand.folder, secrets: [.environment("SNAPPY_TEST_SECRET")])
        let job = try await hand.submit(plan)
        var without = hand.configuration()
        without.environment = [:]
        try await hand.withWorker(without) { _ in
            try await eventually("the thaw is done") { hand.ledger.count("thaw") == 1 }
            try await eventually("the copy waits") { try await hand.stored(job)["copy"]?.state == .ready }
        }
        #expect(try await hand.stored(job)["copy"]?.attempts == 0)
        var with = hand.configuration()
        with.environment = ["SNAPPY_TEST_SECRET": "x"]
        let run = try await hand.withWorker(with) { _ in try await hand.waitForEnd(job) }
        #expect(run.job.outcome == .succeeded)
    }

    /// As the kernel takes them apart: by bytes.
    @Test func pathsAreTheirBytes() {
        let list = AllowList(environment: ["K"], secretFiles: ["/srv/caf\u{e9}"], programs: ["/bin/caf\u{e9}"], paths: ["/srv/caf\u{e9}"])
        #expect(list.allows(.file("/srv/caf\u{e9}/key")) && !list.allows(.file("/srv/cafe\u{301}/key")))
        #expect(list.allows(.environment("K")) && !list.allows(.environment("\u{212a}")))
        // The mark makes one character of itself and the slash.
        #expect(!list.allows(.file("/srv/caf\u{e9}/../\u{301}x")))
        #expect(AllowList(secretFiles: ["/srv"]).allows(.file("/srv/\u{301}x")))
    }

    /// A pipe can be read once only: nobody may read it in passing.
    @Test func onlyFilesAndVariablesCanBeReadAgain() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(FileManager.default.createFile(atPath: folder + "/file", contents: Data("x".utf8)))
        #expect(mkfifo(folder + "/pipe", 0o600) == 0)
        try FileManager.default.createSymbolicLink(atPath: folder + "/to-file", withDestinationPath: "file")
        try FileManager.default.createSymbolicLink(atPath: folder + "/to-pipe", withDestinationPath: "pipe")
        let secrets = EnvironmentSecrets(environment: [:])
        #expect(secrets.lasts(.environment("ANY")))
        for (name, lasts) in [("file", true), ("to-file", true), ("pipe", false), ("to-pipe", false), ("nothing", false)] {
            #expect(secrets.lasts(.file("\(folder)/\(name)")) == lasts, "\(name)")
        }
    }

    @Test func submittedPipelinesReachOnlyWhatIsListed() {
        let configuration = WorkerConfiguration(host: "h", scratchFolder: "/tmp", allowed: AllowList(paths: ["/srv"]))
        let accepts = StepAcceptance(worker: WorkerID(rawValue: "w"), configuration: configuration, catalog: TestCatalog.all)
        for (folder, isAllowed) in [
            ("/srv/home", true), ("/srv", true), ("/srvx", false), ("/srv/../etc", false), ("srv", false), ("${x}", false),
        ] {
            let plan = TestPlan.copies(["copy"], folder: folder)
            #expect((accepts(plan.steps[0], plan, .submitted) != nil) == isAllowed, "\(folder)")
            #expect(accepts(plan.steps[0], plan, .local) != nil)
        }
    }

    /// A snapshot that anybody can release, and the freeze of one host before it.
    private struct MixedType: SystemType {
        let name = "test-system"
        let summary = "its snapshots are everybody's"
        let schema = TestSystemType().schema
        let scope = AcquisitionScope.global
        func scope(of kind: AcquisitionKind) -> AcquisitionScope { kind == .freeze ? .host : .global }
        func identity(_ settings: Settings) throws(StepError) -> String { try TestSystemType().identity(settings) }
        func open(_ settings: Settings, _ context: SystemContext) async throws -> TestSystem {
            try await TestSystemType().open(settings, context)
        }
    }

    private struct TestAttach: Verb {
        let declaration = VerbDeclaration(
            name: "attach", summary: "", subject: .none, schema: SettingsSchema([]), workClass: .backup,
            acquires: Acquisition(of: .attachment, undoVerb: "detach", undoneWhen: .usersDone))
        func run(_ context: StepContext) async throws -> StepResult { StepResult() }
    }

    /// Of an attachment nobody is asked, for it is where it was made.
    @Test func whereAnUndoCanRunIsSaidOfEachAcquisition() throws {
        func host(of verb: String, _ type: any SystemType) throws -> Bool? {
            let catalog = Catalog(systems: [type], repositories: [], verbs: [TestQuiesce(), TestSnapshot(), TestAttach()])
            let accepts = StepAcceptance(
                worker: WorkerID(rawValue: "w"), configuration: WorkerConfiguration(host: "h", scratchFolder: "/tmp"), catalog: catalog)
            let plan = TestPlan.backup(folder: "/srv")
            let step = PlannedStep(id: "a", verb: verb, undoneBy: "b", systems: ["box"])
            return accepts(step, plan, .local)?.acquiresOnHost
        }
        #expect(try host(of: "quiesce", MixedType()) == true && host(of: "snapshot", MixedType()) == false)
        #expect(try host(of: "attach", MixedType()) == true)
        #expect(try host(of: "quiesce", TestSystemType()) == true && host(of: "snapshot", TestSystemType()) == true)
    }

    @Test func aStepOfANewerContractIsLeftToANewerBinary() {
        let accepts = StepAcceptance(
            worker: WorkerID(rawValue: "w"), configuration: WorkerConfiguration(host: "h", scratchFolder: "/tmp"), catalog: TestCatalog.all)
        var plan = TestPlan.copies(["copy"], folder: "/srv")
        #expect(accepts(plan.steps[0], plan, .local) != nil)
        plan.steps[0].contractVersion = 2
        #expect(accepts(plan.steps[0], plan, .local) == nil)
        plan.steps[0].contractVersion = 1
        plan.steps[0].verb = "transmogrify"
        #expect(accepts(plan.steps[0], plan, .local) == nil)
    }

    @Test func allowListsLookAtProgramsAndSecretsInNestedSettings() {
        let schema = SettingsSchema([
            SettingField(name: "run", summary: "", type: .argv),
            SettingField(
                name: "checks", summary: "",
                type: .list(.object(SettingsSchema([SettingField(name: "file", summary: "", type: .either([.path, .list(.path)]))])))),
            SettingField(name: "password", summary: "", type: .secret),
        ])
        let list = AllowList(environment: ["PW"], secretFiles: ["/run/secrets"], programs: ["/usr/bin/true"], paths: ["/data"])
        #expect(list.allows(["run": ["/usr/bin/true", "x"]], of: schema))
        #expect(!list.allows(["run": ["/bin/sh", "-c", "true"]], of: schema))
        #expect(list.allows(["checks": [["file": "/data/a"], ["file": ["/data/b"]]]], of: schema))
        #expect(!list.allows(["checks": [["file": ["/data/b", "/etc/passwd"]]]], of: schema))
        #expect(list.allows(["password": ["fromEnv": "PW"]], of: schema))
        #expect(!list.allows(["password": ["fromEnv": "HOME"]], of: schema))
        #expect(list.allows(["password": ["fromFile": "/run/secrets/repo"]], of: schema))
        #expect(!list.allows(["password": ["fromFile": "/run/secretsx"]], of: schema))
    }

    @Test func secretsComeFromTheEnvironmentAndFromFiles() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "secrets-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "pw").path
        try Data("hunter2\n".utf8).write(to: URL(fileURLWithPath: file))
        let secrets = EnvironmentSecrets(environment: ["PW": "s3cret"])
        #expect(try secrets.resolve(.environment("PW")).revealText() == "s3cret")
        #expect(try secrets.resolve(.file(file)).revealText() == "hunter2")
        #expect(!secrets.canResolve(.environment("NONE")) && !secrets.canResolve(.file(file + "x")))
        #expect(throws: StepError.self) { try secrets.resolve(.environment("NONE")) }
        #expect(throws: StepError.self) { try secrets.resolve(.file(file + "x")) }
        // UTF-16 is left whole: half a line end off it would be another text.
        let wide: [UInt8] = [0xFE, 0xFF, 0x05, 0x0A]
        try Data(wide).write(to: URL(fileURLWithPath: file))
        #expect(try secrets.resolve(.file(file)).reveal() == wide)
        let limited = EnvironmentSecrets(environment: ["PW": "s3cret"], allowed: AllowList())
        #expect(!limited.canResolve(.environment("PW")))
        #expect(throws: StepError.self) { try limited.resolve(.environment("PW")) }
    }

    @Test func keysAreShortStableAndDifferByGeneration() {
        let job = JobID(rawValue: "0190")
        let key = StepKey(job: job, step: "snapshot", generation: 1).text
        #expect(key == StepKey(job: job, step: "snapshot", generation: 1).text)
        #expect(key != StepKey(job: job, step: "snapshot", generation: 2).text)
        #expect(key.count <= 32 && key.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" })
    }
}
