import Basics
import FlowModel
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing
import Threads

/// What every system promises that has to be attached.
@Suite struct AttachingTests {
    /// What of the sample is attached: the views that its type says.
    private static let views: [(SystemSample, SystemView)] = SystemSample.all(with: .attaching).flatMap { sample in
        (Catalog.hosted.system(sample.rawValue)?.attachedViews ?? []).sorted().map { (sample, $0) }
    }

    @Test func everyTypeThatAttachesSaysWhatFor() {
        for type in Catalog.hosted.systems {
            #expect(type.attachedViews.isEmpty != type.capabilities.contains(.attaching), "\(type.name)")
            #expect(type.attachedViews.isSubset(of: type.views) && type.scope(of: .attachment) == .host, "\(type.name)")
        }
    }

    @Test(arguments: views) func whatIsAttachedIsReadAndDetachedAsOftenAsOneLikes(_ sample: SystemSample, _ view: SystemView) async throws {
        let bench = try await SampleBench(sample)
        try await bench.fill(["inner/file": "content of it"])
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

extension SampleBench {
    /// Makes what has a file system within have one, with these files.
    fileprivate func fill(_ files: [String: String]) async throws {
        guard sample == .blockdevice else { throw StageError(text: "say how \(sample) gets files for its attachment") }
        for (path, text) in files { try write("data/content/" + path, text) }
        try await HostProgram.run(
            ["bash", "-euc", "rm a; truncate -s 4M a; mkfs.ext4 -q -O ^has_journal -d content a"], in: folder.file("data"))
    }
}
