import Basics
import FlowModel
import Rigs
import StepKit
import StorageKit
import Testing
import Threads

@testable import Steps

extension SystemCheck {
    /// What every system promises that has to be attached, of each view for which it has.
    static let attaching: [SystemCheck] = [
        SystemCheck("what is attached is read and detached as often as one likes", [.attaching]) { bench in
            let views = Catalog.hosted.system(bench.type)?.attachedViews ?? []
            #expect(!views.isEmpty)
            try await bench.sample.fill(["inner/file": "content of it"])
            for view in views.sorted() { try await attachAndDetach(view, bench) }
        }
    ]

    private static func attachAndDetach(_ view: SystemView, _ bench: SampleBench) async throws {
        let system = try await bench.open(as: (any Attaching & Snapshotting).self)
        // Where nothing is.
        try await system.detach(key: "k", state: [:], bench.context)
        let snapshot = try await system.snapshot(key: "s", bench.context)
        for point in [nil, snapshot] {
            let attachment = try await system.attach(view, of: point, key: "k", bench.context)
            #expect(attachment.key == "k" && attachment.view == view && attachment.snapshot == point)
            // In another process it is what was recorded.
            let recorded = try JSONValue(encoding: attachment).decoded(as: Attachment.self)
            let again = try await bench.open(as: (any Attaching).self)
            switch view {
            case .tree:
                let tree = try #require(try again.attached(recorded) as? any TreeSource)
                let files = try await tree.withTree(of: nil, bench.context) { reader in
                    try await BlockingPool(label: "reading", width: 1).run { try reader.allFiles() }
                }
                #expect(files["inner/file"] == "content of it")
            case .image:
                let image = try #require(try again.attached(recorded) as? any ImageSource)
                #expect(try await image.withImage(of: nil, bench.context) { $0.size } > 0)
            case .parts: throw StageError(text: "nothing attaches several parts yet")
            }
            try await again.detach(key: "k", state: recorded.state, bench.context)
            try await again.detach(key: "k", state: [:], bench.context)
            // Gone is not empty.
            if view == .tree, let gone = try again.attached(recorded) as? any TreeSource {
                await #expect(throws: (any Error).self) {
                    try await gone.withTree(of: nil, bench.context) { try $0.list(TreePath()).entries.count }
                }
            }
        }
        try await system.release(key: "s", bench.context)
    }
}
