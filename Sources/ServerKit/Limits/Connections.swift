public import NIOCore
import Synchronization

/// The connections that are open: so many that nobody knows of one address, so many of one user, and so many in all; the ones that nobody knows give way
/// first, then those of the user who has most.
/// So that the server can end, too: idle ones at once, others after their request.
public final class Connections: Sendable {
    public enum Admission: Sendable, Hashable {
        case admitted
        /// Too many of the address. `isNews`: for the first time since it was below.
        case crowded(ClientAddress, isNews: Bool)
    }
    public enum Knowledge: Sendable, Hashable { case known, isNew, tooMany }
    private struct Entry {
        var channel: any Channel
        var address: ClientAddress?
        /// Which of all it is.
        var number: UInt64
        var isBusy = false
        var isKnown = false
        /// Who is known; nil where nobody is asked.
        var user: String?
    }
    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        /// Of clients that nobody knows, by address.
        var unknown: [ClientAddress: Int] = [:]
        var told: Set<ClientAddress> = []
        /// Of users.
        var known: [String: Int] = [:]
        var taken: UInt64 = 0
        var isEnding = false

        mutating func forget(_ address: ClientAddress?) {
            guard let address, let count = unknown[address] else { return }
            unknown[address] = count > 1 ? count - 1 : nil
            told.remove(address)
        }
    }
    private let state = Mutex(State())
    private let most: Int
    private let mostUnknown: Int
    private let mostOfUser: Int

    /// `mostUnknown`: of one address, of clients that have not said who they are; `mostOfUser`: of one that has.
    public init(most: Int, mostUnknown: Int, mostOfUser: Int) {
        self.most = most
        self.mostUnknown = mostUnknown
        self.mostOfUser = mostOfUser
    }

    /// The last quarter of all is for users with few: however many work together, who has none yet gets some.
    private var few: Int { max(most / 16, 1) }
    private var openToAll: Int { most - most / 4 }

    /// That are open now.
    public var count: Int { state.withLock { $0.entries.count } }

    /// A connection came; it is counted from now on, unless its address has too many.
    public func admit(_ channel: any Channel, from address: ClientAddress?) -> Admission {
        let (admission, isEnding) = state.withLock { state -> (Admission, Bool) in
            if let address, state.unknown[address, default: 0] >= mostUnknown {
                return (.crowded(address, isNews: state.told.insert(address).inserted), state.isEnding)
            }
            state.taken += 1
            state.entries[ObjectIdentifier(channel)] = Entry(channel: channel, address: address, number: state.taken)
            if let address { state.unknown[address, default: 0] += 1 }
            return (.admitted, state.isEnding)
        }
        if isEnding { channel.close(promise: nil) }
        return admission
    }

    /// A connection that was admitted has ended.
    public func remove(_ channel: any Channel) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: ObjectIdentifier(channel)) else { return }
            guard entry.isKnown else { return state.forget(entry.address) }
            guard let user = entry.user, let count = state.known[user] else { return }
            state.known[user] = count > 1 ? count - 1 : nil
        }
    }

    /// The client said who it is. A connection stays its first user's.
    public func know(_ channel: any Channel, as user: String?) -> Knowledge {
        state.withLock { state in
            let id = ObjectIdentifier(channel)
            guard let entry = state.entries[id], !entry.isKnown else { return .known }
            if let user {
                let count = state.known[user, default: 0]
                let all = state.known.values.reduce(0, +)
                guard count < mostOfUser, count < few || all < openToAll else { return .tooMany }
                state.known[user] = count + 1
            }
            state.entries[id]?.isKnown = true
            state.entries[id]?.user = user
            state.forget(entry.address)
            return .isNew
        }
    }

    /// The client has not said yet who it is.
    public func isUnknown(_ channel: any Channel) -> Bool { state.withLock { $0.entries[ObjectIdentifier(channel)]?.isKnown == false } }

    /// Where there is no room, the client that nobody knows and that asks nothing for the longest time gives way, or else one that asks nothing of the user
    /// who has most. False when there is none.
    public func makeRoom() -> Bool {
        let channel = state.withLock { state -> (any Channel)? in
            guard state.entries.count >= most else { return nil }
            let idle = state.entries.values.filter { !$0.isBusy }
            func weight(_ entry: Entry) -> Int { entry.isKnown ? entry.user.flatMap { state.known[$0] } ?? 0 : .max }
            return idle.max { (weight($0), $1.number) < (weight($1), $0.number) }?.channel
        }
        channel?.close(promise: nil)
        return channel != nil
    }

    /// A request begins or ended. False when it shall be the last of its connection.
    @discardableResult
    public func set(_ channel: any Channel, busy: Bool) -> Bool {
        state.withLock { state in
            state.entries[ObjectIdentifier(channel)]?.isBusy = busy
            return !state.isEnding
        }
    }

    /// No more requests: idle connections are closed, and with `now` all of them.
    public func end(now: Bool) {
        let channels = state.withLock { state in
            state.isEnding = true
            return state.entries.values.filter { now || !$0.isBusy }.map(\.channel)
        }
        for channel in channels { channel.close(promise: nil) }
    }
}
