import Foundation
import Rigs
import Testing

/// Every shipped example runs for real, with its places moved into a folder of the test.
@Suite(.ownThread) struct ExampleTests {
    /// What a stranger would have to put in place before an example runs.
    private func rig(_ name: String) throws -> FlowRig {
        let rig = try FlowRig("example-\(name)")
        try rig.write("etc/snappy-flow/vault.pw", "correct horse battery staple\n")
        for folder in ["home", "shop", "orders"] {
            for number in 0..<20 { try rig.write("srv/\(folder)/part\(number % 3)/file\(number).txt", "\(folder) \(number)\n") }
        }
        for folder in ["srv/marks", "srv/drill", "backup"] {
            try FileManager.default.createDirectory(atPath: rig.path(folder), withIntermediateDirectories: true)
        }
        return rig
    }

    private func example(_ name: String) -> String { FlowRig.packageRoot + "/examples/\(name).yaml" }

    @Test(arguments: ["01-smallest", "02-window", "03-stream", "04-two-copies", "05-fan-out", "06-conditions", "09-streams"])
    func runs(_ name: String) throws {
        let rig = try rig(name)
        defer { rig.close() }
        let document = try rig.place(example(name))
        let outcome = try rig.run(["run", document])
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        let again = try rig.run(["run", document])
        #expect(again.status == 0, "\(again.output)\n\(again.errors)")
        if name == "02-window" { #expect(!FileManager.default.fileExists(atPath: rig.path("srv/shop/.rest")), "left frozen") }
        if name == "05-fan-out" { #expect(FileManager.default.fileExists(atPath: rig.path("srv/marks/weekly"))) }
        if name == "09-streams" {
            #expect(try String(contentsOfFile: rig.path("srv/drill/part1/file1.txt"), encoding: .utf8) == "orders 1\n")
        }
        if name == "06-conditions" {
            let report = try String(contentsOfFile: rig.path("srv/marks/report"), encoding: .utf8)
            #expect(report.hasPrefix("snapshot ") && report.count > 20, "found \(report)")
        }
    }

    @Test func restoreDrillBringsTheFilesBack() throws {
        let rig = try rig("drill")
        defer { rig.close() }
        #expect(try rig.run(["run", try rig.place(example("01-smallest"))]).status == 0)
        let outcome = try rig.run(["run", try rig.place(example("07-restore-drill"))])
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        #expect(try String(contentsOfFile: rig.path("srv/drill/part1/file1.txt"), encoding: .utf8) == "home 1\n")
    }

    @Test func approvalWaitsForAYes() throws {
        let rig = try rig("approval")
        defer { rig.close() }
        let process = try rig.start(["run", try rig.place(example("08-approval"))])
        var job: String?
        try waitUntil("the job waits for approval") {
            let listing = try rig.run(["jobs", "list", "--output", "json"])
            let jobs = try JSONSerialization.jsonObject(with: Data(listing.output.utf8)) as? [[String: Any]]
            job = jobs?.first?["id"] as? String
            guard let job else { return false }
            return try rig.run(["jobs", "show", job]).output.contains("waits for an answer")
        }
        let stranger = try rig.run(["jobs", "approve", try #require(job), "keep-or-prune", "--by", "mallory"])
        #expect(stranger.status == 1 && stranger.errors.contains("does not name"), "\(stranger.errors)")
        let approved = try rig.run(["jobs", "approve", try #require(job), "keep-or-prune", "--by", "operators"])
        #expect(approved.status == 0, "\(approved.output)\n\(approved.errors)")
        let outcome = process.wait()
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
    }

    @Test func everyShippedDocumentIsValid() throws {
        let rig = try FlowRig("shipped")
        defer { rig.close() }
        for folder in ["examples", "pipelines"] {
            let outcome = try rig.run(["validate", FlowRig.packageRoot + "/" + folder])
            #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        }
    }
}
