import Basics
import Expressions
import FlowModel
import StepKit
import StorageKit
import Testing

@testable import PipelineDSL

/// A plan with parameters becomes a job.
@Suite struct CompilerJobTests {
    static let plan: Plan = {
        let result = Compiling.result(
            """
            name: x
            parameters:
              folder: {type: string}
              marks: {type: list, default: [monday, weekly]}
              share: {type: percent, default: 10%}
            systems: {a: {type: volume, path: "/srv/${parameters.folder}"}, b: {type: volume, path: /srv/b}}
            repositories: {r: {type: local, path: /r, password: {fromEnv: P}}}
            steps:
              - copy: a
                to: r
              - exec: [touch, "${item}"]
                id: mark
                forEach: "${parameters.marks}"
              - verify: copy-a
                read: "${parameters.share}"
              - restore: "latest before ${parameters.folder}"
                from: r
                to: b
            """)
        guard let plan = result.plans.first else { preconditionFailure(DiagnosticRendering.text(result.diagnostics)) }
        return plan.plan
    }()

    private func job(_ parameters: [String: JSONValue]) throws -> JobDefinition {
        try JobDefinition.instantiate(Self.plan, parameters: parameters, catalog: .paper)
    }

    @Test func parametersReachSystemsIdentitiesAndHolds() throws {
        #expect(
            Self.plan.step("copy-a")?.holds.map(\.resource) == [
                "parent/local:/r/of/${systems.a}", "repository/local:/r", "system/${systems.a}",
            ])
        let job = try job(["folder": "web"])
        #expect(job.systems["a"]?.settings["path"] == "/srv/web" && job.systems["a"]?.identity == "volume:/srv/web")
        #expect(
            job.steps.first?.holds.map(\.resource) == [
                "parent/local:/r/of/volume:/srv/web", "repository/local:/r", "system/volume:/srv/web",
            ])
        #expect(job.parameters["share"] == "10%")
        #expect(job.steps.last?.subject == .snapshot("latest before web"))
        #expect(job.applied(to: Self.plan).systems == job.systems)
    }

    /// What stands beside a plug-in's own settings is as good a place for a parameter, with or without one in those.
    @Test(arguments: ["/srv/b", "/srv/${parameters.site}"]) func parametersReachHostAndIdentity(_ path: String) throws {
        let result = Compiling.result(
            """
            name: x
            parameters: {site: {type: string}}
            systems:
              a: {type: volume, path: "\(path)", host: "db-${parameters.site}"}
              b: {type: volume, path: "\(path)", identity: "vol-${parameters.site}"}
            repositories: {r: {type: local, path: /r, password: {fromEnv: P}}}
            steps:
              - copy: a
                to: r
              - copy: b
                to: r
            """)
        let plan = try #require(result.plans.first, "\(DiagnosticRendering.text(result.diagnostics))").plan
        let job = try JobDefinition.instantiate(plan, parameters: ["site": "nyc"], catalog: .paper)
        let place = path.replacing("${parameters.site}", with: "nyc")
        #expect(job.systems["a"]?.host == "db-nyc" && job.systems["a"]?.identity == "volume:\(place)")
        #expect(job.systems["b"]?.host == "b" && job.systems["b"]?.identity == "volume:vol-nyc")
        #expect(job.steps.flatMap(\.holds).allSatisfy { !$0.resource.contains("${") }, "\(job.steps.flatMap(\.holds))")
        #expect(throws: Explanation.self) {
            try JobDefinition.instantiate(plan, parameters: ["site": "a\nb"], catalog: .paper)
        }
    }

    /// Where a parameter could not be what it says, it is refused and not taken for a text.
    @Test(arguments: ["create: \"${parameters.p}\"", "mirror: \"${parameters.p}\"", "password: {fromEnv: \"${parameters.p}\"}"])
    func aParameterThatWouldNotBeExpandedIsRefused(_ key: String) {
        let result = Compiling.result(
            """
            name: x
            parameters: {p: {type: string, default: r}}
            systems: {a: {type: volume, path: /srv/b}}
            repositories:
              r: {type: local, path: /r, password: {fromEnv: P}}
              s: {type: local, path: /s, \(key.hasPrefix("password") ? key : "password: {fromEnv: P}, " + key)}
            steps:
              - copy: a
                to: s
            """)
        #expect(result.hasErrors, "\(result.plans)")
    }

    @Test func fanOutsAreExpanded() throws {
        let job = try job(["folder": "web", "marks": .string("[\"a\", \"b c\", 3]")])
        #expect(job.steps.map(\.id.rawValue) == ["copy-a", "mark[a]", "mark[b-c]", "mark[3]", "verify-copy-a", "restore"])
        #expect(job.steps[1].item == "a" && job.steps[1].forEach == nil && job.steps[3].item == 3)
        #expect(job.applied(to: Self.plan).edges("verify-copy-a") == "copy-a(output) mark[3](order) mark[a](order) mark[b-c](order)")
        let none = try self.job(["folder": "web", "marks": []])
        #expect(none.applied(to: Self.plan).edges("verify-copy-a") == "copy-a(output)")
        #expect(none.steps.count == 3)
    }

    @Test func wrongParametersAreExplainedAtOnce() {
        let error = #expect(throws: Explanation.self) { try job(["folderr": "x", "share": 5]) }
        #expect(error?.found == "folderr; nothing; 5")
        #expect(error?.advice.contains("did you mean `folder`?") ?? false)
        #expect(error?.advice.contains("--parameter folder=VALUE") ?? false)
    }

    @Test func aValueThatMakesAWrongSettingIsRefused() throws {
        let result = Compiling.result(
            "{name: x, parameters: {p: {type: string}}, systems: {a: {type: volume, path: \"${parameters.p}\"}}, repositories: {r: {type: local, path: /r, password: {fromEnv: P}}}, steps: [{copy: a, to: r}]}"
        )
        let plan = try Compiling.only(result)
        let error = #expect(throws: Explanation.self) {
            try JobDefinition.instantiate(plan, parameters: ["p": "relative"], catalog: .paper)
        }
        #expect(error?.location == "system a" && error?.expected == "path: an absolute path")
    }

    @Test func membersHaveUndosOfTheirOwn() throws {
        let plan = try Compiling.plan(steps: "- copy: data\n  to: near\n- verify: copy\n  restore: {}\n  forEach: [1, 2]")
        let job = try JobDefinition.instantiate(plan, parameters: [:], catalog: .paper)
        #expect(
            job.steps.map(\.id.rawValue) == ["copy-data", "verify-copy[1]", "drop-copy[1]", "verify-copy[2]", "drop-copy[2]"])
        let applied = job.applied(to: plan)
        #expect(applied.edges("drop-copy[2]") == "verify-copy[2](guarded)" && applied.step("drop-copy[2]")?.undoes == "verify-copy[2]")
        #expect(applied.step("verify-copy[1]")?.undoneBy == "drop-copy[1]")
    }

    @Test func fanOutOverOutputsIsLeftToTheRun() throws {
        let plan = try Compiling.plan(
            steps:
                "- exec: [list]\n  id: list\n- exec: [touch, \"${item}\"]\n  id: each\n  forEach: {items: \"${steps.list.outputs.stdout}\", maxParallel: 2}"
        )
        #expect(plan.edges("each") == "list(output)")
        let job = try JobDefinition.instantiate(plan, parameters: [:], catalog: .paper)
        #expect(job.steps == plan.steps)
        let each = try #require(plan.step("each"))
        let scope = ExpressionScope(outputs: ["list": ["stdout": ["a", "a"]]])
        let items = try FanOutExpansion.items(of: try #require(each.forEach), in: scope)
        #expect(FanOutExpansion.members(of: each, undo: nil, items: items).map(\.id) == ["each[a]", "each[a#1]"])
        #expect(throws: Explanation.self) {
            try FanOutExpansion.items(
                of: FanOut(items: "${steps.list.outputs.stdout}"), in: ExpressionScope(outputs: ["list": ["stdout": "x"]]))
        }
    }

    /// What every repository has is read beside the type's own keys, with parameters, and is no part of what a repository is.
    @Test func howAStoreIsUsedTakesParametersToo() throws {
        let result = Compiling.result(
            """
            name: x
            parameters: {patience: {type: duration}}
            systems: {a: {type: volume, path: /srv/a}}
            repositories:
              r: {type: local, path: /r, password: {fromEnv: P}, retryFor: "${parameters.patience}"}
              s: {type: local, path: /s, password: {fromEnv: P}}
            steps:
              - copy: a
                to: r
              - copy: a
                to: s
            """)
        let plan = try #require(result.plans.first?.plan, "\(DiagnosticRendering.text(result.diagnostics))")
        let job = try JobDefinition.instantiate(plan, parameters: ["patience": "2h"], catalog: .paper)
        let declared = try #require(job.repositories["r"])
        #expect(declared.identity == "local:/r" && declared.settings == ["path": "/r"] && declared.access == ["retryFor": "2h"])
        #expect(try StoreAccess(declared, name: "r").retryFor == .hours(2))
        let plain = try #require(job.repositories["s"])
        #expect(plain.access == nil)
        #expect(try StoreAccess(plain, name: "s").retryFor == .minutes(15))
        #expect(
            Compiling.result(
                """
                name: x
                systems: {a: {type: volume, path: /srv/a}}
                repositories: {r: {type: local, path: /r, password: {fromEnv: P}, retryFor: often}}
                steps: [{copy: a, to: r}]
                """
            ).plans.isEmpty)
    }

    @Test(arguments: [
        ("{upload: 5MiB, schedule: [{from: \"25:00\", to: \"18:00\"}]}", "25:00"),
        ("{upload: 5MiB, schedule: [{from: \"08:00\", to: \"08:00\"}]}", "08:00"),
        ("{upload: 5MiB, timeZone: Mars/Olympus}", "Mars/Olympus"), ("{download: 3B}", "3B"),
    ])
    func bandwidthsThatCannotBeMeantAreFoundAtOnce(value: String, found: String) throws {
        let result = Compiling.result(
            """
            name: x
            systems: {a: {type: volume, path: /srv/a}}
            repositories: {r: {type: local, path: /r, password: {fromEnv: P}, bandwidth: \(value)}}
            steps: [{copy: a, to: r}]
            """)
        let text = DiagnosticRendering.text(result.diagnostics)
        #expect(result.plans.isEmpty && text.contains(found) && text.contains("bandwidth"), "\(text)")
    }

    private func mirrored(_ mirror: String, more: String = "") -> CompileResult {
        Compiling.result(
            """
            name: x
            systems: {a: {type: volume, path: /srv/a}}
            repositories:
              r: {type: local, path: /r, password: {fromEnv: P}, mirror: \(mirror)}
              s: {type: local, path: /s, password: {fromEnv: Q}\(more)}
              t: {type: local, path: /r, password: {fromEnv: P}}
            steps: [{copy: a, to: r}]
            """)
    }

    @Test func aStepThatWritesToAMirroredRepositoryNeedsBoth() throws {
        let plan = try #require(mirrored("s").plans.first?.plan)
        #expect(plan.repositories["r"]?.mirror == "s" && plan.repositories["s"] != nil)
        let copy = try #require(plan.steps.first { $0.verb == "copy" })
        #expect(copy.repositories == ["r", "s"])
        #expect(Set(copy.secrets.map(\.description)).count == 2)
        #expect(copy.holds.filter { $0.resource.hasPrefix("parent/") }.count == 2)
    }

    @Test(arguments: [
        ("r", "", "a mirror itself"), ("t", "", "same place"), ("s", ", mirror: t", "a mirror itself"),
        ("u", "", "no repository is called u"),
    ])
    func mirrorsThatCannotBeAreFound(mirror: String, more: String, found: String) {
        let result = mirrored(mirror, more: more)
        let text = DiagnosticRendering.text(result.diagnostics)
        #expect(result.plans.isEmpty && text.contains(found), "\(text)")
    }

    @Test func aBandwidthReachesThePlan() throws {
        let result = Compiling.result(
            """
            name: x
            systems: {a: {type: volume, path: /srv/a}}
            repositories:
              r:
                type: local
                path: /r
                password: {fromEnv: P}
                bandwidth:
                  upload: 20MiB
                  timeZone: Europe/Berlin
                  schedule: [{days: [mon], from: "08:00", to: "18:00", upload: 5MiB}]
            steps: [{copy: a, to: r}]
            """)
        let plan = try #require(result.plans.first?.plan, "\(DiagnosticRendering.text(result.diagnostics))")
        let repository = try #require(plan.repositories["r"])
        let bandwidth = try #require(try StoreAccess(repository, name: "r").bandwidth)
        #expect(bandwidth.timeZone == "Europe/Berlin" && bandwidth.usual.upload == 20 << 20 && bandwidth.usual.download == nil)
        #expect(bandwidth.bandwidth(day: 1, minute: 500).upload == 5 << 20 && bandwidth.bandwidth(day: 2, minute: 500).upload == 20 << 20)
    }
}
