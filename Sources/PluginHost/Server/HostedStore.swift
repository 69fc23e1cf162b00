import Basics
import StorageKit
import Synchronization

/// A store that is served to the worker.
struct HostedStore: HostedInstance {
    let store: any ObjectStore

    func answer(_ request: HostedRequest) async throws -> HostedAnswer {
        switch request.call {
        case "store.create":
            try await store.create()
            return HostedAnswer()
        case "store.put":
            try await store.put(try name(request), request.data)
            return HostedAnswer()
        case "store.get":
            guard let offset = request.arguments["offset"]?.intValue else { return HostedAnswer(data: try await store.get(name(request))) }
            return HostedAnswer(data: try await store.get(name(request), range: offset..<offset + (try request.number("length"))))
        case "store.list":
            let lines = Mutex<[UInt8]>([])
            try await store.list(prefix: request.text("prefix")) { page in
                lines.withLock { lines in for object in page { lines += Array("\(object.size) \(object.name.text)\n".utf8) } }
            }
            return HostedAnswer(data: lines.withLock { $0 })
        case "store.stat":
            return HostedAnswer(result: try await store.stat(name(request)).map { ["size": .int($0.size)] } ?? .null)
        case "store.delete":
            try await store.delete(name(request))
            return HostedAnswer()
        case "store.removeUnfinished", "store.findUnfinished":
            guard let age = TimeSpan(try request.text("age")) else { throw request.unknown }
            let found =
                if request.call == "store.findUnfinished" { try await store.findUnfinished(olderThan: age) } else {
                    try await store.removeUnfinished(olderThan: age)
                }
            return HostedAnswer(result: ["count": .int(Int64(found.count)), "bytes": .int(found.bytes)])
        default: throw request.unknown
        }
    }

    func finish() async {}

    private func name(_ request: HostedRequest) throws(StorageError) -> ObjectName { ObjectName(try request.text("name")) }
}
