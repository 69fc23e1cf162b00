import Basics
import Foundation
import Rigs
import StepKit
import StorageKit

@testable import CephSteps

/// An image of a test's own in the cluster of the test process, or in one of its own, which goes with that.
final class ScratchImage: Sendable {
    let ceph: CephRig
    let pool: CephPool
    let name: String
    /// The settings of a `ceph-rbd` system that is this image.
    var settings: [String: JSONValue] { ["configuration": .string(ceph.configuration), "image": .string(name)] }

    /// `options` are those of `rbd create`.
    init(size: Int64, _ options: [String] = [], in cluster: CephRig? = nil) async throws {
        if let cluster { ceph = cluster } else { ceph = try await CephRig.running() }
        pool = try ceph.connect()
        name = "image\(UInt32.random(in: .min ... .max))"
        try await HostProgram.run(
            ["env", "CEPH_CONF=\(ceph.configuration)", "rbd", "create", "--size", "\(size)B"] + options + [name])
    }

    /// One that is there.
    init(named name: String, in cluster: CephRig? = nil) async throws {
        if let cluster { ceph = cluster } else { ceph = try await CephRig.running() }
        pool = try ceph.connect()
        self.name = name
    }

    func open(_ access: RBDImage.Access = .readWrite) throws -> RBDImage { try RBDImage(name, in: pool, access) }

    func write(_ bytes: [UInt8], at offset: Int64) throws {
        let image = try open()
        try bytes.withUnsafeBytes { try image.write($0, at: offset) }
        try image.flush()
    }

    /// All of it.
    func bytes() throws -> [UInt8] {
        let image = try open(.readOnly)
        var bytes = [UInt8](repeating: 0xEE, count: Int(try image.size()))
        try bytes.withUnsafeMutableBytes { try image.read(into: $0, at: 0) }
        return bytes
    }
}

extension CephRig {
    func connect(pool: String = "rbd") throws -> CephPool {
        // A machine that is busy answers late.
        let settings = CephCluster.Settings(configuration: configuration, user: "admin", timeout: .minutes(5))
        try CephLibrary.rbd.load()
        return try CephPool(CephCluster(settings), pool: pool, namespace: "")
    }
}
