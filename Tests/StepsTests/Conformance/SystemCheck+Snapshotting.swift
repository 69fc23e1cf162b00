import StepKit
import StorageKit
import Testing

extension SystemCheck {
    /// What every snapshotting system promises.
    static let snapshotting: [SystemCheck] = [
        SystemCheck("a snapshot is found by its key until it is released", [.snapshotting]) { bench in
            let system = try await bench.open(as: (any Snapshotting).self)
            #expect(try await system.find(key: "k-1", bench.context) == nil)
            let snapshot = try await system.snapshot(key: "k-1", bench.context)
            #expect(snapshot.key == "k-1")
            // Another process asks.
            #expect(try await bench.open(as: (any Snapshotting).self).find(key: "k-1", bench.context)?.key == "k-1")
            #expect(try await system.find(key: "k-2", bench.context) == nil)
            try await system.release(key: "k-1", bench.context)
            #expect(try await system.find(key: "k-1", bench.context) == nil)
            try await system.release(key: "k-1", bench.context)
        },
        SystemCheck("a snapshot stays what it was", [.snapshotting, .treeSource]) { bench in
            let system = try await bench.open(as: (any Snapshotting & TreeSource).self)
            let before = try await bench.read { reader in
                (try reader.allFiles(), reader.logicalPath, try reader.list(TreePath()).entries)
            }
            let snapshot = try await system.snapshot(key: "k", bench.context)
            try bench.sample.write("changed since", to: "a")
            try bench.sample.write("made since", to: "new")
            let caught = try await bench.read(of: snapshot) { reader in
                (try reader.allFiles(), reader.logicalPath, try reader.list(TreePath()).entries)
            }
            #expect(caught.0 == before.0)
            // It is recorded as the original is: same place, and metadata by which the next copy knows what is unchanged.
            #expect(caught.1 == before.1)
            #expect(caught.2.map(\.name) == before.2.map(\.name))
            for (entry, original) in zip(caught.2, before.2) {
                #expect(entry.metadata.inode == original.metadata.inode)
                #expect(entry.metadata.changed == original.metadata.changed)
                #expect(entry.metadata.modified == original.metadata.modified)
                #expect(entry.metadata.size == original.metadata.size)
            }
            try await system.release(key: "k", bench.context)
        },
        SystemCheck("a stopped snapshot is not found", [.snapshotting]) { bench in
            let system = try await bench.open(as: (any Snapshotting).self)
            let context = bench.context
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await system.snapshot(key: "k", context)
            }
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await system.find(key: "k", bench.context) == nil)
            try await system.release(key: "k", bench.context)
        },
    ]
}
