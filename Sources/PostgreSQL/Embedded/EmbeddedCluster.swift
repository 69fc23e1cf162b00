public import Basics
import Foundation
import Glibc
import HostKit
public import LogKit
public import Logging
import Synchronization

/// A private PostgreSQL cluster made from the machine's own binaries: on a Unix socket that only its owner can reach, whom
/// the kernel names, shared by concurrent commands, stopped when the last of them has ended in whatever way.
public struct EmbeddedCluster: Sendable {
    let folder: ClusterFolder
    let isDurable: Bool
    let isDisposable: Bool
    let grace: TimeSpan

    /// The user's own: under XDG_STATE_HOME; for root, under a folder that the unprivileged server can reach.
    public static func standard(environment: [String: String]? = nil) throws(PostgreSQLError) -> EmbeddedCluster {
        let environment = environment ?? ProcessInfo.processInfo.environment
        return EmbeddedCluster(folder: try .standard(environment: environment), isDurable: true, isDisposable: false, grace: .seconds(2))
    }

    /// A cluster in `path`. `isDurable: false` gives up crash safety for speed; a disposable one is removed when it stops. For tests.
    public init(path: String, isDurable: Bool = true, isDisposable: Bool = false, grace: TimeSpan = .seconds(2)) throws(PostgreSQLError) {
        self.init(
            folder: ClusterFolder(path: path, user: try .current()), isDurable: isDurable, isDisposable: isDisposable, grace: grace)
    }

    init(folder: ClusterFolder, isDurable: Bool, isDisposable: Bool, grace: TimeSpan) {
        self.folder = folder
        self.isDurable = isDurable
        self.isDisposable = isDisposable
        self.grace = grace
    }

    public var path: String { folder.path }
    /// Where the server writes what goes wrong.
    public var logPath: String { folder.log }

    /// The database in this cluster, whether it runs or not, as the role that owns it and is no superuser.
    public var settings: ConnectionSettings {
        folder.settings(ClusterRoles.everyday, database: ClusterRoles.everyday)
    }

    /// Makes and starts the server if need be. It runs at least as long as the lease lives. Where a connection is made to see that it runs, it is one as
    /// `session` has it, and the lease's. `log` gets, for as long, that a disk is full and that it has room again.
    public func acquire(
        for session: (ConnectionSettings) -> ConnectionSettings = { $0 }, log: Logger = .silent
    ) async throws -> Lease {
        let watch = ReserveWatch(folder, log: log)
        try folder.create()
        let control = try await FileLock.take(folder.controlLock, .exclusive, within: .seconds(90))
        defer { withExtendedLifetime(control) {} }
        let users = try await FileLock.take(folder.usersLock, .shared, within: .seconds(10))
        if let connection = await connectionUntilDown(session(settings)) {
            return Lease(settings: settings, connection: connection, lock: users, keeper: Task { await keepAlive(watch) })
        }
        // Before anything is written.
        await watch.look()
        let binaries = try await ServerBinaries.choose(for: folder.major, folder: folder.path)
        // A watcher that still saw it would leave again.
        unlink(folder.downMark)
        // The watcher first: we may be killed at any point from here on.
        let seconds = Int((grace.milliseconds + 999) / 1000)
        try await IdleWatcher(folder: folder, binaries: binaries, grace: seconds, isDisposable: isDisposable).start()
        let server = ServerControl(folder: folder, binaries: binaries, isDurable: isDurable)
        try await server.initialise()
        try await ensureRunning(server, watch)
        try await ClusterRoles(folder: folder).ensure()
        if isDurable { await watch.take() }
        return Lease(settings: settings, connection: nil, lock: users, keeper: Task { await keepAlive(watch) })
    }

    /// A connection after `db up`, while all is well: no program of the server's needs to be looked for, and nobody has to watch.
    private func connectionUntilDown(_ settings: ConnectionSettings) async -> Connection? {
        guard access(folder.keepMark, F_OK) == 0, access(folder.downMark, F_OK) != 0, (try? ServerProcess.find(in: folder)) != nil else {
            return nil
        }
        // Not by the state in postmaster.pid: a server that recovers from the death of one of its processes goes on saying there that it is ready.
        return try? await Connection.connect(settings)
    }

    /// Starts the server again when it dies while a command uses it: until the next command came, nobody else would. What `db down`
    /// stopped stays down. Sees to it that the server has room, and somebody is told when it has none.
    private func keepAlive(_ watch: ReserveWatch) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            guard !Task.isCancelled else { return }
            await watch.look()
            if isMissed {
                try? await revive(watch)  // a disk that is full in spite of the reserve, say: the next look tries again
            } else if isDurable {
                await watch.renew()
            }
        }
    }

    private var isMissed: Bool {
        // What is not understood is no reason to start anything: the next command says it.
        guard (try? folder.major) != nil, access(folder.downMark, F_OK) != 0 else { return false }
        do { return try ServerProcess.find(in: folder) == nil } catch { return false }
    }

    private func revive(_ watch: ReserveWatch) async throws {
        let control = try await FileLock.take(folder.controlLock, .exclusive, within: .seconds(10))
        defer { withExtendedLifetime(control) {} }
        guard isMissed else { return }
        let binaries = try await ServerBinaries.choose(for: folder.major, folder: folder.path)
        try await ensureRunning(ServerControl(folder: folder, binaries: binaries, isDurable: isDurable), watch)
        try await ClusterRoles(folder: folder).ensure()
    }

    /// As `acquire`, and it keeps running after the last user until `down`.
    public func up() async throws -> ConnectionSettings {
        let lease = try await acquire()
        try folder.raise(folder.keepMark)
        return lease.settings
    }

    /// Stops the server. Refuses while commands use it, unless told to `force`. Returns false when it did not run.
    public func down(force: Bool = false) async throws -> Bool {
        guard try folder.major != nil else { return false }
        try folder.create()
        let control = try await FileLock.take(folder.controlLock, .exclusive, within: .seconds(90))
        defer { withExtendedLifetime(control) {} }
        // The watcher looks at the same lock for a moment now and then.
        let isIdle = (try? await FileLock.take(folder.usersLock, .exclusive, within: .seconds(2))) != nil
        guard isIdle || force else {
            throw PostgreSQLError(
                .clusterInUse, expected: "no command that uses the private database", found: "at least one", at: folder.path,
                advice: "wait for it to end, or stop it all the same with --force", retry: .transient)
        }
        unlink(folder.keepMark)
        try folder.raise(folder.downMark)
        guard try ServerProcess.find(in: folder) != nil else { return false }
        let binaries = try await ServerBinaries.choose(for: folder.major, folder: folder.path)
        try await ServerControl(folder: folder, binaries: binaries, isDurable: isDurable).stop()
        return true
    }

    private func ensureRunning(_ server: ServerControl, _ watch: ReserveWatch) async throws {
        let deadline = Deadline(after: .seconds(60))
        while try ServerProcess.find(in: folder) != nil {
            do {
                _ = try await ClusterRoles(folder: folder).administration()
                return
            } catch let error as PostgreSQLError where error.retry == .transient && !deadline.hasPassed {
                // It starts, recovers or stops just now.
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        do {
            try await server.start()
        } catch let error as PostgreSQLError where error.kind == .noSpace {
            guard await watch.giveUp() else { throw error }
            try await server.start()
        }
    }

    /// A right to the running server, ended by `release`, by its last reference, or by the process's end.
    public final class Lease: Sendable {
        public let settings: ConnectionSettings
        private let connection: Mutex<Connection?>
        private let lock: FileLock
        private let keeper: Task<Void, Never>

        init(settings: ConnectionSettings, connection: Connection?, lock: FileLock, keeper: Task<Void, Never>) {
            self.settings = settings
            self.connection = Mutex(connection)
            self.lock = lock
            self.keeper = keeper
        }

        deinit { keeper.cancel() }

        /// What was made on the way, for the first who asks.
        public func takeConnection() -> Connection? {
            connection.withLock { connection in
                defer { connection = nil }
                return connection
            }
        }
    }
}

extension EmbeddedCluster {
    /// True for one of an earlier version that has not been started anew since: commands are superusers there, as is whoever is the server's user.
    public func connectsAsSuperuser() async throws -> Bool {
        try await Connection.connect(settings).query(ClusterQuery.isSuperuser.text).first?.get("is_superuser") ?? false
    }

    /// For `db status`.
    public struct Status: Sendable, Hashable {
        /// Nil when there is no cluster yet.
        public var major: Int?
        /// Nil when it does not run.
        public var processID: Int32?
        public var isInUse: Bool
        /// True after `up`: it does not stop by itself.
        public var isKept: Bool
        /// True while it has its reserve of room on the disk.
        public var hasReserve = false
    }

    public func status() throws -> Status {
        guard try folder.major != nil else { return Status(isInUse: false, isKept: false) }
        try folder.create()
        let isInUse = try FileLock.attempt(folder.usersLock, .exclusive) == nil
        return try Status(
            major: folder.major, processID: ServerProcess.find(in: folder), isInUse: isInUse, isKept: access(folder.keepMark, F_OK) == 0,
            hasReserve: ClusterReserve(folder: folder).isHeld)
    }

    /// What the server has on its disk, and needs there before work begins.
    public struct Room: Sendable, Hashable {
        /// What is free for the server's user, and what the reserve holds.
        public var has: Int64
        public var needs: Int64
        public var hasReserve: Bool
        /// What that holds.
        public static let reserve = ClusterReserve.size
        /// What whoever writes to the same disk leaves to the server.
        public static let kept = ClusterReserve.margin
    }

    /// Nil where nobody tells.
    public var room: Room? {
        let reserve = ClusterReserve(folder: folder)
        guard let free = DiskRoom(at: folder.path)?.free else { return nil }
        return Room(
            has: free + (reserve.isHeld ? ClusterReserve.size : 0),
            needs: ClusterReserve.size + ClusterReserve.low + ((try? folder.major == nil) ?? false ? Self.newCluster : 0),
            hasReserve: reserve.isHeld)
    }

    /// What initdb and the engine's tables take.
    private static let newCluster: Int64 = 64 << 20
}
