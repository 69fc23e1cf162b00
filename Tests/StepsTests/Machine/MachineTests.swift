import Basics
import FlowModel
import Foundation
import PluginHost
import Rigs
import StepKit
import Steps
import Testing

/// What a machine has is what would be found there, and no code of it runs to find out.
@Suite struct MachineTests {
    private func machine(_ environment: [String: String] = ["PATH": "/usr/bin:/bin"]) -> Machine {
        Machine(environment: environment, patience: .milliseconds(0))
    }

    @Test func aLibraryIsThereWhereTheLoaderFindsIt() throws {
        let folder = try ScratchFolder("machine")
        #expect(machine().has(.library("libc.so.6", package: "libc6")))
        #expect(!machine().has(.library("libnothing.so.9", package: "libnothing9")))
        // Found first, and no library: the loader looks no further.
        try "".write(toFile: folder.file("libc.so.6"), atomically: true, encoding: .utf8)
        #expect(!machine(["LD_LIBRARY_PATH": folder.path]).has(.library("libc.so.6", package: "libc6")))
    }

    @Test func aProgramIsThereWhenItCanBeRun() throws {
        let folder = try ScratchFolder("machine")
        #expect(machine().has(.program("sh", package: nil)) && machine().has(.program("/bin/sh", package: nil)))
        let (machine, need) = (machine(["PATH": folder.path]), MachineNeed.program("it", package: "it-utils"))
        #expect(!machine.has(.program("sh", package: nil)) && !machine.has(need))
        try FileManager.default.createDirectory(atPath: folder.file("it"), withIntermediateDirectories: true)
        #expect(!machine.has(need))
        try FileManager.default.removeItem(atPath: folder.file("it"))
        try "#!/bin/sh\n".write(toFile: folder.file("it"), atomically: true, encoding: .utf8)
        #expect(!machine.has(need))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.file("it"))
        #expect(machine.has(need))
        #expect(need.remedy.contains("apt install it-utils") && need.words == "the program it")
    }

    @Test func aFileSystemIsThereWhenTheKernelKnowsIt() {
        #expect(machine().has(.fileSystem("nothingfs", "proc")))
        #expect(!machine().has(.fileSystem("nothingfs")))
    }

    /// The right itself, not the name of the user.
    @Test func aRightIsThereWhenTheProcessHasIt() throws {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapEff:") })
        let rights = try #require(UInt64(line.split(separator: "\t")[1], radix: 16))
        #expect(machine().has(.administration) == (rights & 1 << 21 != 0))
    }

    /// What only some settings or uses need is asked of those alone.
    @Test func whatIsLackingGoesBySettingsAndUses() throws {
        let (type, machine) = (try #require(Catalog.standard.system("postgresql")), machine(["PATH": "/nowhere"]))
        func lacks(_ settings: [String: JSONValue], _ uses: Set<Capability>) -> [String] {
            machine.lacks(type, with: Settings(settings, origin: "system x"), for: uses).map(\.name)
        }
        #expect(lacks([:], [.treeSource]) == ["pg_dump"] && lacks([:], [.quiescing]) == [] && lacks([:], []) == [])
        #expect(lacks(["programs": "/opt/pg"], [.treeSource, .imageSource]) == ["/opt/pg/pg_dump"])
        #expect(lacks(["method": "base"], [.treeSource]) == [])
    }

    /// What a type declares decides where it lives.
    @Test func whatWantsAChildProcessHasOne() {
        let hosted = Catalog.standard(host: HostCommand(["/bin/false"]))
        for (type, made) in zip(Catalog.standard.systems, hosted.systems) {
            let isHosted = "\(Swift.type(of: made))".hasPrefix("Hosted")
            #expect(type.name == made.name && isHosted == (type.isolation.reason != nil), "\(type.name)")
        }
        for (type, made) in zip(Catalog.standard.repositories, hosted.repositories) {
            let isHosted = "\(Swift.type(of: made))".hasPrefix("Hosted")
            #expect(type.name == made.name && isHosted == (type.isolation.reason != nil), "\(type.name)")
        }
        #expect(hosted.systems.filter { $0.isolation.reason == .nativeLibrary }.map { $0.name } == ["ceph-rbd", "ceph-rados"])
    }
}
