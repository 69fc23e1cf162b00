import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Synchronization
import Testing
import Threads

@testable import PluginHost

/// While a call is under way a plug-in may ask its worker about the tree that it is to complete: about that, and not without measure.
@Suite struct QuestionTests {
    /// One folder with one file, which answers when it is let go on.
    private final class SmallTree: TreeReader {
        let logicalPath = TreePath("srv/small")
        let isOpen = DispatchSemaphore(value: 0)
        let waits: Bool

        init(waits: Bool = false) { self.waits = waits }

        func metadata(of path: TreePath) throws -> FileMetadata {
            if waits { _ = isOpen.wait(timeout: .now() + 60) }
            return FileMetadata(kind: path.parts.isEmpty ? .directory : .file, permissions: 0o755, size: 5, modified: FileTime(seconds: 1))
        }
        func list(_ directory: TreePath) throws -> TreeListing {
            TreeListing(entries: [TreeEntry(name: "file", metadata: try metadata(of: TreePath("file")))])
        }
        func open(_ file: TreePath) throws -> any FileReader {
            guard file == TreePath("file") else { throw StorageError(.notFound, expected: "a file", found: "none", at: "\(file)") }
            return Hello()
        }
    }

    private final class Hello: FileReader {
        private var rest = Array("hello".utf8)
        func metadata() throws -> FileMetadata { FileMetadata(kind: .file, permissions: 0o644, size: 5, modified: FileTime(seconds: 1)) }
        func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            let count = min(buffer.count, rest.count)
            buffer.copyBytes(from: rest.prefix(count))
            rest.removeFirst(count)
            return count
        }
        func close() {}
    }

    /// What a script that asks in the middle of a call says at its end; `$tree` is the handle that it was lent.
    private func call(_ serve: String, lending tree: SmallTree = SmallTree(), timeout: TimeSpan = .seconds(5)) async throws -> JSONValue {
        let plugin = try ScratchPlugin(
            """
            ask() { printf '{"id":%s,"call":"%s","arguments":%s}\\n' "$1" "$2" "$3"; }
            hear() { IFS= read -r heard || exit 0; }
            data() { head -c 16 <&3 >/dev/null; head -c "$1" <&3; }
            request; tree=${line##*'"tree":'}; tree=${tree%%[,\\}]*}
            \(serve)
            """)
        let session = plugin.session(timeout: timeout)
        let process = try await session.run { $0 }
        let lent = try await process.lent.lend(tree)
        let outcome: Result<JSONValue, any Error>
        do {
            outcome = .success(try await session.run { _ in try process.call("complete.open", ["tree": lent["handle"] ?? .null]).result })
        } catch {
            outcome = .failure(error)
        }
        await process.lent.takeBack(lent)
        return try outcome.get()
    }

    @Test func whatItAsksAboutItsTreeIsAnswered() async throws {
        let heard = try await call(
            """
            ask -1 tree.metadata '{"handle":'$tree',"path":""}'; hear; root=$heard
            ask -2 tree.read '{"handle":'$tree',"path":"file"}'; hear; text=$(data 5)
            ask -3 tree.read '{"handle":'$tree',"path":"nothing"}'; hear
            case $root in *'"kind":"directory"'*) ;; *) exit 7;; esac
            case $heard in *'"kind":"not-found"'*) ;; *) exit 8;; esac
            answer '{"text":"'$text'"}'
            request
            """)
        #expect(heard == ["text": "hello"])
    }

    /// Nothing else of the worker's, no other tree, no way out of this one, and no tree that was taken back.
    @Test(arguments: [
        #"tree.read '{"handle":'$tree',"path":"../etc/passwd"}'"#, #"tree.metadata '{"handle":99,"path":""}'"#,
        #"tree.close '{"handle":'$tree'}'"#, #"tree.open '{}'"#, #"restore.open '{"overwrite":true}'"#, #"store.list '{"prefix":""}'"#,
    ]) func nothingElseIsAnswered(_ question: String) async throws {
        let heard = try await call(
            """
            ask -1 \(question); hear
            case $heard in *'"error"'*) ;; *) exit 7;; esac
            ask -2 tree.metadata '{"handle":'$tree',"path":""}'; hear
            case $heard in *'"kind":"directory"'*) ;; *) exit 8;; esac
            answer '"refused"'
            request
            """)
        #expect(heard == "refused")
    }

    @Test func whoWaitsForUsIsNotSilent() async throws {
        let tree = SmallTree(waits: true)
        // Longer than the plug-in may say nothing.
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: 2.5)
            tree.isOpen.signal()
        }
        let heard = try await call(
            #"ask -1 tree.metadata '{"handle":'$tree',"path":""}'; hear; answer '"answered"'; request"#, lending: tree, timeout: .seconds(1))
        #expect(heard == "answered")
    }

    @Test func whoAsksWithoutMeasureIsEnded() async throws {
        let tree = SmallTree(waits: true)
        let error = await #expect(throws: StorageError.self) {
            try await call(
                #"for n in $(seq 1 100); do ask -$n tree.metadata '{"handle":'$tree',"path":""}'; done; sleep 100"#, lending: tree,
                timeout: .seconds(30))
        }
        for _ in 0..<100 { tree.isOpen.signal() }
        #expect(error?.kind == .invalid && error?.expected.contains("questions") == true, "\(String(describing: error))")
    }

    @Test func whoAsksWithoutBeingAskedIsEnded() async throws {
        let plugin = try ScratchPlugin(#"request; answer '{}'; sleep 0.5; printf '{"id":-1,"call":"tree.list","arguments":{}}\n'; sleep 100"#)
        let process = try await plugin.session().run { process in
            _ = try process.call("find")
            return process
        }
        try await eventually("it is ended") { !process.isAlive }
        let error = #expect(throws: StorageError.self) { _ = try process.call("find") }
        #expect(error?.kind == .invalid && error?.found.contains("nobody has called") == true, "\(String(describing: error))")
    }

    /// Files that it leaves open are the worker's descriptors.
    @Test func whoEndsNoFilesGetsNoMore() async throws {
        let trees = HostedTrees(openAtMost: 2)
        let large = LargeTree()
        let opened = try await trees.openReader { try await $0(large) }.result
        func read() throws -> HostedAnswer {
            let arguments: JSONValue = ["handle": opened["handle"] ?? .null, "path": "file"]
            return try trees.read(HostedRequest(id: 1, call: "tree.read", arguments: arguments, data: [], hasData: false))
        }
        for _ in 0..<2 { #expect(try read().result["file"] != nil) }
        let error = #expect(throws: StorageError.self) { _ = try read() }
        #expect(error?.advice.contains("tree.end") == true, "\(String(describing: error))")
        await trees.finish()
    }

    /// More than comes with the opening of a file.
    private struct LargeTree: TreeReader {
        let logicalPath = TreePath("srv/large")
        func metadata(of path: TreePath) throws -> FileMetadata { FileMetadata(kind: .file, permissions: 0o644, size: 1 << 30, modified: FileTime(seconds: 1)) }
        func list(_ directory: TreePath) throws -> TreeListing { TreeListing(entries: []) }
        func open(_ file: TreePath) throws -> any FileReader { Zeros() }

        private final class Zeros: FileReader {
            func metadata() throws -> FileMetadata { FileMetadata(kind: .file, permissions: 0o644, size: 1 << 30, modified: FileTime(seconds: 1)) }
            func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { buffer.count }
            func close() {}
        }
    }
}
