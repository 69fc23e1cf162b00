import Basics
import Rigs
import Testing

// One after the other: a server of one process gets enough of one at a time, while the other suites run beside.
@Suite(.serialized) struct RadosConformanceTests {
    @Test(arguments: StoreCheck.all(of: .rados)) func keeps(_ sample: StoreSample, _ check: StoreCheck) async throws {
        try await check(sample)
    }
}

extension StoreSample {
    static let rados = StoreSample(name: "rados", type: "rados", isResticsToo: false) { name, _ in
        let rig = try await CephRig.running()
        return Place(
            settings: ["configuration": .string(rig.configuration), "pool": "rbd", "namespace": .string(name)],
            pieces: { try await rig.run("rados", "-p", "rbd", "-N", name, "ls") })
    }
}
