import Basics
import FlowModel
import HostKit
import PostgreSQL
import Repository
import StepKit
import Steps
import Threads

/// What the places on this machine that a job writes to have, and need. Needs of places on one disk add up.
struct RoomCheck: Sendable {
    private struct Place {
        var need: RoomNeed
        var room: DiskRoom
        /// What is free, with what is held for this place already.
        var has: Int64
        var needs: Int64
        /// With less of it nothing is begun.
        var required: Int64
        /// False: it is said, and no reason to begin nothing.
        var isRequired = true
        var advice: String
    }

    private var places: [Place] = []

    /// Of a private database, and what a plan's steps write to here. It blocks where a file server is away.
    init(database cluster: EmbeddedCluster?, plan: Plan? = nil, catalog: Catalog = Composition.catalog, folders: Folders = Folders()) {
        if let cluster, let room = cluster.room {
            let least = ByteCount(bytes: max(0, room.needs - (room.hasReserve ? EmbeddedCluster.Room.reserve : 0)))
            add(
                RoomNeed("database", in: cluster.path, least: least, wanted: least), has: room.has, needs: room.needs,
                advice: "free space there, or name another place with XDG_STATE_HOME, or another database with --database")
        }
        add(
            RoomNeed("scratch", in: folders.scratch, least: ByteCount(bytes: 0), wanted: .mebibytes(1)),
            advice: "steps that need scratch space will fail; free space there, or name another place with XDG_CACHE_HOME")
        if let plan { add(plan, catalog) }
    }

    private mutating func add(_ plan: Plan, _ catalog: Catalog) {
        let written = Set(plan.steps.filter { $0.verb == "copy" }.flatMap(\.repositories))
        let pruned = Set(plan.steps.filter { $0.verb == "prune" }.flatMap(\.repositories))
        for (name, planned) in plan.repositories.sorted(by: { $0.key < $1.key }) where written.contains(name) {
            let origin = "repository \(name)"
            if let type = catalog.repository(planned.type),
                let need = try? type.roomNeed(Settings(planned.settings, origin: origin))
            {
                // A prune makes room, and comes after the copies.
                add(
                    need, named: origin, isRequired: !pruned.contains(name),
                    advice: "free space there: `snappy-flow prune`, or raise the quota")
            }
            guard let access = try? StoreAccess(planned, name: name), let cache = catalog.metadataCache(of: planned, access) else {
                continue
            }
            // Indexes and trees of a repository of some terabytes; what it will be nobody knows before it has been read.
            add(
                RoomNeed("cache", in: cache.folder, least: ByteCount(bytes: 0), wanted: min(access.cacheSize, .mebibytes(64))),
                named: "cache",
                advice: "copies will go on without it, slower; free space there, or name another place with XDG_CACHE_HOME")
        }
        let snapshots = Set(plan.steps.filter { $0.verb == "snapshot" }.flatMap(\.systems))
        for (name, planned) in plan.systems.sorted(by: { $0.key < $1.key }) where snapshots.contains(name) {
            guard let type = catalog.system(planned.type),
                let need = try? type.roomNeed(Settings(planned.settings, origin: "system \(name)"))
            else { continue }
            add(need, named: "staging of \(name)", advice: "free space there, or declare another `stagingFolder`")
        }
    }

    private mutating func add(
        _ need: RoomNeed, named name: String? = nil, has: Int64? = nil, needs: Int64? = nil, isRequired: Bool = true, advice: String
    ) {
        guard let room = DiskRoom(at: need.folder), !places.contains(where: { $0.need.folder == need.folder }) else { return }
        var need = need
        if let name { need.what = name }
        places.append(
            Place(
                need: need, room: room, has: has ?? room.free, needs: needs ?? max(need.least, need.wanted).bytes,
                required: needs ?? need.least.bytes, isRequired: isRequired,
                advice: advice))
    }

    /// What is left for a place when all others on its disk have what they need.
    private func left(for place: Place) -> Int64 {
        places.filter { $0.need.folder != place.need.folder && $0.room.isShared(with: place.room) }
            .reduce(place.room.free) { $0 - $1.need.least.bytes }
    }

    private static let fewFiles: Int64 = 16

    private func isShort(_ place: Place, of bytes: ByteCount) -> Bool {
        left(for: place) < bytes.bytes || (bytes.bytes > 0 && place.room.files ?? .max < Self.fewFiles)
    }

    private func found(_ place: Place) -> String {
        if let files = place.room.files, files < Self.fewFiles { return "\(files.counted("file")) that can still be made" }
        return ByteCount(bytes: place.has).approximate + (left(for: place) < place.room.free ? " for all that lies on that disk" : "")
    }

    // MARK: what comes of it

    /// Too little to begin anything.
    var refusal: StepError? {
        guard let place = places.first(where: { $0.isRequired && isShort($0, of: $0.need.least) }) else { return nil }
        return StepError(
            .noSpace, expected: "\(ByteCount(bytes: place.required)) free for the \(place.need.what) before work begins",
            found: found(place),
            at: place.need.folder, advice: place.advice, retry: .transient)
    }

    /// What may not be enough.
    var warnings: [String] {
        places.filter { isShort($0, of: $0.need.wanted) && !($0.isRequired && isShort($0, of: $0.need.least)) }.map {
            "\($0.need.what) in \($0.need.folder): expected \(ByteCount(bytes: $0.needs)) free, found \(found($0)); \($0.advice)"
        }
    }

    /// Each place with what it has and needs.
    var summary: String {
        "room: "
            + places.map {
                "\($0.need.what) \(ByteCount(bytes: $0.has).approximate) (needs \(ByteCount(bytes: $0.needs).approximate))"
            }.joined(separator: ", ")
    }
}

extension RoomCheck {
    /// On a thread of its own.
    static func of(_ plan: Plan?, database: DatabaseOptions) async throws -> RoomCheck {
        let cluster = try database.named == nil ? EmbeddedCluster.standard() : nil
        return try await BlockingPool(label: "room", width: 1).run { RoomCheck(database: cluster, plan: plan) }
    }

    /// Says what there is; throws where that is too little.
    func tell() throws {
        if let refusal { throw refusal }
        StandardError.write(summary)
        for warning in warnings { StandardError.write("warning: \(warning)") }
    }
}
