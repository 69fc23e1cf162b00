import Basics
import FlowModel
import Foundation
import Rigs
import StepKit
import StorageKit
import CephSteps
import Testing

@testable import PluginHost

/// librados and librbd hang or crash in a process of their own.
@Suite struct CephHostTests {
    typealias Image = PluginSystem & Snapshotting & ImageSource & ImageDestination

    private func system(_ image: ScratchImage, _ more: [String: JSONValue] = [:]) async throws -> any Image {
        let type = try #require(Catalog.hosted.system("ceph-rbd"))
        let settings = Settings(image.settings.merging(more) { $1 }, origin: "system disk")
        let opened: any System = try await type.open(settings, try await SampleBench(DirectorySample.self).opening)
        return try #require(opened as? any Image)
    }

    private func hosting() throws -> any Hosting {
        let type = CephRBDType().hosted(in: HostCommand([FlowRig.binary, "host-plugin"]), timeout: CephRBDType.timeout)
        return try #require(type as? any Hosting)
    }

    /// A signal for the process in which the library runs; returns when it has done its work.
    private func end(_ system: any Image, by signal: Int32) async throws {
        let process = try await system.session.run { $0 }
        process.signal(signal)
        if signal != SIGSTOP { try await eventually("the process ends") { !process.isAlive } }
    }

    @Test func aCrashEndsACallAndNothingElse() async throws {
        let image = try await ScratchImage(size: 8 << 20)
        try image.write([1, 2, 3], at: 4096)
        let system = try await system(image)
        let context = try await SampleBench(DirectorySample.self).context
        let error = await #expect(throws: StorageError.self) {
            try await system.withImage(of: nil, context) { reader in
                #expect(try reader.bytes(4096..<4099) == [1, 2, 3])
                try await end(system, by: SIGSEGV)
                _ = try reader.bytes(0..<10)
            }
        }
        #expect(
            error?.kind == .unavailable && error?.retry == .transient && error?.found.contains("signal 11") == true,
            "\(String(describing: error))")
        // The next one has a process of its own, and the snapshot that is taken twice is one.
        let snapshot = try await system.snapshot(key: "k", context)
        try await end(system, by: SIGKILL)
        #expect(try await system.find(key: "k", context) == snapshot)
        try await end(system, by: SIGABRT)
        try await system.release(key: "k", context)
        #expect(try await system.find(key: "k", context) == nil)
    }

    /// What a first step will need is begun beside what comes before it, and it does not matter whether that has ended.
    @Test func whatWasPreparedIsUsed() async throws {
        let image = try await ScratchImage(size: 8 << 20)
        // Apart from what other tests have parked.
        let type = try hosting()
        let settings = Settings(image.settings, origin: "system disk")
        let context = try await SampleBench(DirectorySample.self).context
        type.prepare(settings)
        type.prepare(settings)
        let opened: any System = try await type.open(settings, context.system())
        let system = try #require(opened as? any Image)
        try await system.session.run { _ in }
        #expect(type.idle.take(try type.program(settings)) == nil, "one is enough, and it was taken")
        let snapshot = try await system.snapshot(key: "k", context)
        #expect(try await system.find(key: "k", context) == snapshot)
        try await system.release(key: "k", context)
    }

    /// Nobody waits twice for a cluster that is away, and what has failed is not used.
    @Test func whatCouldNotBePreparedIsLeft() async throws {
        let type = try hosting()
        let settings = Settings(
            ["pool": "rbd", "image": "none", "monitors": "127.0.0.1:1", "user": "nobody", "timeout": "1s"], origin: "system disk")
        let context = try await SampleBench(DirectorySample.self).context
        type.prepare(settings)
        func find() async throws {
            let opened: any System = try await type.open(settings, context.system())
            let system = try #require(opened as? any Image)
            _ = try await system.find(key: "k", context)
        }
        for _ in 0..<2 {
            let error = await #expect(throws: StorageError.self) { try await find() }
            #expect(error?.location.contains("127.0.0.1:1") == true, "\(String(describing: error))")
            #expect(type.idle.take(try type.program(settings)) == nil)
        }
    }

    @Test func aCallThatNeverReturnsIsGivenUp() async throws {
        let image = try await ScratchImage(size: 8 << 20)
        let system = try await system(image, ["timeout": "1s"])
        let context = try await SampleBench(DirectorySample.self).context
        let error = await #expect(throws: StorageError.self) {
            try await system.withImage(of: nil, context) { reader in
                try await end(system, by: SIGSTOP)
                _ = try reader.bytes(0..<10)
            }
        }
        #expect(error?.kind == .unavailable && error?.retry == .transient, "\(String(describing: error))")
        #expect(try await system.withImage(of: nil, context) { try $0.bytes(0..<1) } == [0])
    }

    /// What was restored by a process that died is no image; the next try makes a whole one.
    @Test func aRestoreWhoseLibraryDiesIsRepeated() async throws {
        let source = try await ScratchImage(size: 8 << 20)
        let name = "restored\(UInt32.random(in: .min ... .max))"
        let system = try await system(source, ["image": .string(name)])
        let context = try await SampleBench(DirectorySample.self).context
        func restore(dying: Bool) async throws {
            try await system.withImageWriter(of: ImageDescription(size: 8 << 20), overwrite: false, context) { writer in
                try [UInt8](repeating: 7, count: 1 << 20).withUnsafeBytes { try writer.write($0, at: 0) }
                if dying { try await end(system, by: SIGKILL) }
                try writer.finish()
            }
        }
        await #expect(throws: StorageError.self) { try await restore(dying: true) }
        let there = try await CephRig.running().run("rbd", "ls")
        #expect(!there.split(separator: "\n").contains(Substring(name)))
        // The dead process's watch on the image ends by itself.
        try await eventually("the image can be made", every: .milliseconds(500)) {
            do {
                try await restore(dying: false)
                return true
            } catch let error as StorageError where error.retry == .transient {
                return false
            }
        }
        #expect(Array(try await ScratchImage(named: name).bytes().prefix(1 << 20)) == [UInt8](repeating: 7, count: 1 << 20))
    }
}
