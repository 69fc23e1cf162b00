import Basics
import Foundation
import HostKit
import Logging
import PluginHost
import PostgreSQL
import StepKit
import StorageKit
import Steps
import WorkflowEngine

/// Puts engine, plug-ins and this machine's folders together.
struct Composition {
    let folders = Folders()

    /// What is wrong with this machine's folders and plug-ins, and stops nothing.
    private static var log: Logger { Logger(label: "snappy-flow") }

    /// This machine's name: what is bound to a host is undone where the name is the same.
    static var host: String { ProcessInfo.processInfo.hostName }

    /// What this user's jobs are sealed with on this machine. Where there is none to be had, it is said, and what is made here ends with this process.
    func sealingKey() -> SealingKey {
        let maker = "\(Person.name)@\(Self.host)"
        do {
            return try SealingKey(file: folders.sealingKey, maker: maker)
        } catch {
            Self.log.warning("a job that this process makes and does not finish is held by workers' allow-lists", error: error)
            return .ofThisProcess(maker: maker)
        }
    }

    /// A worker over the store. `cluster`: the database's, where no job is to be begun without room for it.
    func worker(
        _ store: EngineStore, scope: ClaimRequest.Scope, labels: [String: String] = [:], slots: Int, allowed: AllowList = AllowList(),
        adoptsLocal: Bool = false, needingRoomOf cluster: EmbeddedCluster? = nil,
        news: @escaping @Sendable (WorkerConfiguration.News) -> Void = { _ in }
    ) throws -> Worker {
        try makeFolder(folders.scratch)
        var configuration = WorkerConfiguration(host: Self.host, scope: scope, scratchFolder: folders.scratch)
        configuration.labels = labels
        configuration.slots = slots
        configuration.allowed = allowed
        configuration.adoptsLocal = adoptsLocal
        // The state folder's disk: nothing of it is on another machine, as a rule.
        if let cluster { configuration.shortage = { RoomCheck(database: cluster).refusal } }
        configuration.log = Logger(label: "worker")
        configuration.news = news
        configuration.guardCommand = [Self.binary, "guard"]
        configuration.neverFreeze =
            [folders.state, folders.cache, folders.runtime] + ((try? EmbeddedCluster.standard().path).map { [$0] } ?? [])
        return Worker(configuration, store: store, catalog: Self.catalog)
    }

    /// The plug-ins as they run: a native library's in processes of their own, and those of the plug-in folder. What is wrong with one of those
    /// is said once and costs that one.
    static let catalog: Catalog = {
        let built = Catalog.standard(host: HostCommand([binary, "host-plugin"]))
        let found = outside
        for problem in found.problems { log.warning("\(problem)") }
        var catalog = Catalog(systems: built.systems + found.types, repositories: built.repositories, verbs: built.verbs)
        catalog.cacheFolder = ownCache
        // A copy to the private database's own disk must not end the database.
        catalog.keptRoom = (try? EmbeddedCluster.standard()).map { KeptRoom(at: $0.path, bytes: EmbeddedCluster.Room.kept) }
        return catalog
    }()

    /// Where metadata of repositories are kept. Nowhere, if somebody else could exchange what we write and remove there.
    private static var ownCache: String? {
        let folder = Folders().metadata
        do throws(Explanation) {
            _ = try OwnFolder(opening: folder)
        } catch {
            // One that is missing is made by who needs it; what is above was examined.
            guard error.kind != .folderNotPrivate else {
                log.warning("nothing is cached", error: error)
                return nil
            }
        }
        return folder
    }

    /// The plug-ins outside this binary.
    private static var outside: PluginFolder.Contents {
        PluginFolder(Folders().plugins).read(taken: Set(Catalog.standard.systems.map { $0.name }))
    }

    /// This program's own file. `/proc/self/exe` would name whoever resolves it.
    private static var binary: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    private func makeFolder(_ path: String) throws {
        do throws(Explanation) {
            // Others may pass, as the user of a scratch server has to; each step's folder in it is closed until that step opens it.
            _ = try OwnFolder(making: path, mode: 0o711, above: 0o711)
        } catch let error where error.kind == .noSpace {
            // Steps that need it say so; what was frozen is thawed without.
            Self.log.warning("no scratch folder", error: error)
        } catch {
            throw CommandFailure(.failed, "error: \(error)")
        }
    }
}
