import Basics
import FlowModel
import StepKit
import Testing

@testable import PipelineDSL

/// Views of systems, and what has to be attached for them.
@Suite struct AttachmentTests {
    private static func result(_ steps: String) -> CompileResult {
        Compiling.result(
            """
            name: nightly
            systems:
              disk: {type: disk, path: /disk}
              other: {type: disk, path: /other}
              data: {type: volume, path: /srv/data}
            repositories:
              near: {type: local, path: /backup/near, password: {fromFile: /run/near.pw}}
              far: {type: local, path: /backup/far, password: {fromFile: /run/far.pw}}
            steps:

            """ + steps.split(separator: "\n").map { "  \($0)\n" }.joined())
    }

    private static func plan(_ steps: String) throws -> Plan { try Compiling.only(result(steps)) }

    @Test func whatHasToBeAttachedIsAttachedInFrontAndDetachedBeforeTheRelease() throws {
        let plan = try Self.plan(
            """
            - snapshot: disk
            - copy: disk
              as: tree
              to: [near, far]
              when: "${job.id == 'x'}"
              continueOnError: true
            """)
        let attach = try #require(plan.step("attach-for-copy-disk"))
        #expect(attach.verb == "attach" && attach.subject == .systems(["disk"]) && attach.views == ["disk": .tree])
        #expect(attach.snapshots == ["disk": "snapshot-disk"] && attach.undoneBy == "detach-for-copy-disk")
        #expect(attach.when == "${job.id == 'x'}" && attach.continueOnError)
        #expect(plan.edges("attach-for-copy-disk") == "snapshot-disk(output)")
        for copy in ["copy-disk-to-near", "copy-disk-to-far"] as [StepID] {
            #expect(plan.edges(copy) == "attach-for-copy-disk(output) snapshot-disk(output)")
            #expect(plan.step(copy)?.attachments == ["disk": "attach-for-copy-disk"] && plan.step(copy)?.views == ["disk": .tree])
        }
        #expect(
            plan.edges("detach-for-copy-disk")
                == "attach-for-copy-disk(guarded) copy-disk-to-far(guarded) copy-disk-to-near(guarded)")
        #expect(
            plan.edges("release-disk")
                == "attach-for-copy-disk(guarded) copy-disk-to-far(guarded) copy-disk-to-near(guarded) "
                + "detach-for-copy-disk(guarded) snapshot-disk(guarded)")
        #expect(plan.step("detach-for-copy-disk")?.workClass == .undo && plan.step("detach-for-copy-disk")?.systems == ["disk"])
        #expect(PlanRendering.tree(plan, id: plan.id).contains("disk (disk), as tree"), "\(PlanRendering.tree(plan, id: plan.id))")
    }

    /// The type's own view needs nothing, and leaves a plan as it was.
    @Test func theOwnViewIsNotAttached() throws {
        let plan = try Self.plan("- snapshot: disk\n- copy: disk\n  to: near\n- copy: data\n  to: near")
        #expect(plan.ids == ["snapshot-disk", "copy-disk", "release-disk", "copy-data"])
        #expect(plan.step("copy-disk")?.views == nil && plan.step("copy-disk")?.attachments == nil)
        let text = String(decoding: plan.canonicalBytes, as: UTF8.self)
        #expect(!text.contains("\"views\"") && !text.contains("\"attachments\""))
        let declared = try Self.plan("- copy: [data, disk]\n  to: near")
        #expect(declared.step("copy-data-disk")?.views == nil)
    }

    /// Each written step has its own: one as the image needs none, and two of them wait for nobody.
    @Test func eachCopyHasItsOwnAttachment() throws {
        let plan = try Self.plan(
            """
            - copy: disk
              id: files
              as: tree
              to: near
            - copy: disk
              id: bytes
              as: image
              to: near
            - copy: [disk, other]
              id: both
              as: tree
              to: far
            """)
        #expect(plan.step("files")?.attachments == ["disk": "attach-for-files"])
        #expect(plan.step("bytes")?.attachments == nil && plan.step("bytes")?.views == nil)
        #expect(plan.step("attach-for-both")?.subject == .systems(["disk", "other"]))
        #expect(plan.step("both")?.attachments == ["disk": "attach-for-both", "other": "attach-for-both"])
        // It waits for what its copy would wait for.
        #expect(plan.edges("attach-for-both") == plan.edges("both").replacing("attach-for-both(output) ", with: ""))
    }

    @Test func whatIsWrittenIsAttachedForThoseThatUseItsOutputs() throws {
        let plan = try Self.plan(
            """
            - snapshot: disk
            - attach: disk
            - exec: ["ls", "${steps.attach-disk.outputs.attachments.disk.state.mount}"]
            """)
        #expect(plan.step("attach-disk")?.snapshots == ["disk": "snapshot-disk"] && plan.step("attach-disk")?.views == ["disk": .tree])
        #expect(plan.edges("detach-disk") == "attach-disk(guarded) exec(guarded)")
        #expect(plan.edges("release-disk") == "attach-disk(guarded) detach-disk(guarded) snapshot-disk(guarded)")
    }

    /// In a window: when it is sealed, and not while anything is frozen.
    @Test func anAttachmentIsNoMemberOfAWindow() throws {
        let plan = try Compiling.only(
            Compiling.result(
                """
                name: nightly
                systems:
                  app: {type: application, address: a, password: {fromEnv: P}}
                  disk: {type: disk, path: /disk}
                  data: {type: volume, path: /srv/data}
                repositories: {near: {type: local, path: /near, password: {fromFile: /run/near.pw}}}
                steps:
                  - quiesce: app
                  - parallel: [{snapshot: disk}, {snapshot: data}]
                  - copy: disk
                    as: tree
                    to: near
                    after: [snapshot-disk]
                """))
        #expect(plan.windows.map(\.members) == [["quiesce-app", "snapshot-disk", "snapshot-data"]])
        #expect(plan.edges("attach-for-copy-disk") == "snapshot-data(window) snapshot-disk(output)")
        #expect(plan.step("attach-for-copy-disk")?.window == nil)
    }

    struct Wrong: Sendable {
        var steps: String
        var code: String
        var says: String
        var column: Int
        var line: Int
    }

    @Test(arguments: [
        Wrong(
            steps: "- copy: data\n  to: near\n  as: image", code: "wrong-view", says: "`as: tree` for data, a system of type volume",
            column: 9,
            line: 12),
        Wrong(steps: "- copy: disk\n  to: [near, far]\n  as: files", code: "wrong-type", says: "tree", column: 9, line: 12),
        Wrong(steps: "- copy: disk\n  to: near\n  as: \"${job.id}\"", code: "wrong-value", says: "written out", column: 9, line: 12),
        Wrong(steps: "- attach: disk\n  as: image", code: "wrong-view", says: "`as: tree` for disk", column: 9, line: 11),
        Wrong(steps: "- attach: data", code: "missing-capability", says: "types that can: disk", column: 13, line: 10),
        Wrong(
            steps: "- copy: disk\n  to: near\n  as: tree\n- exec: [x]\n  id: attach-for-copy-disk", code: "duplicate-id",
            says: "attaches what copy-disk reads", column: 5, line: 10),
    ]) func whatATypeDoesNotOfferIsRefusedWhereItStands(_ wrong: Wrong) {
        let errors = Self.result(wrong.steps).diagnostics.filter { $0.severity == .error }
        #expect(errors.map(\.code) == [wrong.code])
        let text = DiagnosticRendering.text(errors)
        #expect(text.contains(wrong.says), "\(text)")
        #expect(errors.first?.mark == SourceMark(line: wrong.line, column: wrong.column), "\(text)")
    }
}
