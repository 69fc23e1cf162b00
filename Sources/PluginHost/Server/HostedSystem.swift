import FlowModel
import Basics
import StepKit
import StorageKit
import Synchronization
import Threads

/// A system that is served to the worker.
final class HostedSystem: HostedInstance {
    let system: any System
    /// Opens another one of the same process.
    private let opener: @Sendable (JSONValue) async throws -> (any System)?
    /// What it was opened with.
    private let context: SystemContext
    private let catalog: Catalog
    private let recorder: any StepRecorder
    /// Of whom is asked, while a call is under way, what the worker alone can read.
    private let worker: any PluginPeer
    private let images = HostedLoans<any ImageReader>()
    private let targets = HostedLoans<any ImageWriter>()
    private let trees = HostedTrees()
    private let openParts = HostedLoans<[OpenPart]>()
    /// What was opened of each of them: closed with it.
    private let partHandles = Mutex<[Int64: [(view: SystemView, handle: JSONValue)]]>([:])
    /// Images and trees block.
    private let threads = BlockingPool(label: "hosted", width: 16)

    init(
        system: any System, context: SystemContext, catalog: Catalog, recorder: any StepRecorder, worker: any PluginPeer,
        opener: @escaping @Sendable (JSONValue) async throws -> (any System)?
    ) {
        self.opener = opener
        self.system = system
        self.context = context
        self.catalog = catalog
        self.recorder = recorder
        self.worker = worker
    }

    func answer(_ request: HostedRequest) async throws -> HostedAnswer {
        if request.call.hasPrefix("image.") { return try await image(request) }
        if request.call.hasPrefix("target.") { return try await target(request) }
        if request.call.hasPrefix("parts.") { return try await parts(request) }
        if request.call.hasPrefix("tree.") || request.call.hasPrefix("restore.") { return try await tree(request) }
        switch request.call {
        case "quiesce":
            let outputs = try await capable(request, (any Quiescing).self).quiesce(
                key: request.text("key"), maxHold: TimeSpan(milliseconds: request.number("maxHold")), step(request))
            return HostedAnswer(result: ["outputs": .object(outputs)])
        case "thaw":
            let outputs = try await capable(request, (any Quiescing).self).thaw(
                key: request.text("key"), state: request.arguments["state"]?.objectValue ?? [:], step(request))
            return HostedAnswer(result: ["outputs": .object(outputs)])
        case "snapshot":
            let snapshot = try await capable(request, (any Snapshotting).self).snapshot(key: request.text("key"), step(request))
            return HostedAnswer(result: ["state": snapshot.state])
        case "snapshot.group":
            var others: [GroupMember] = []
            for member in request.arguments["members"]?.arrayValue ?? [] {
                guard let opening = member["opening"], let key = member["key"]?.stringValue,
                    let system = try await opener(opening) as? any GroupSnapshotting
                else { throw request.missing("members") }
                others.append(GroupMember(system: system, key: key))
            }
            let snapshots = try await capable(request, (any GroupSnapshotting).self).snapshot(
                key: request.text("key"), with: others, step(request))
            return HostedAnswer(result: ["states": .array(snapshots.map(\.state))])
        case "retire":
            try await capable(request, (any Snapshotting).self).retire(key: request.text("key"), step(request))
            return HostedAnswer()
        case "find":
            let snapshot = try await capable(request, (any Snapshotting).self).find(key: request.text("key"), step(request))
            return HostedAnswer(result: snapshot.map { ["state": $0.state] } ?? .null)
        case "release":
            try await capable(request, (any Snapshotting).self).release(key: request.text("key"), step(request))
            return HostedAnswer()
        case "attach": return try await attach(request)
        case "detach":
            try await capable(request, (any Attaching).self).detach(
                key: request.text("key"), state: request.arguments["state"]?.objectValue ?? [:], step(request))
            return HostedAnswer()
        case "check": return try await check(request)
        case "complete.open": return try await complete(request)
        case "completed":
            try await capable(request, (any TreeCompleting).self).completed(
                thawed: request.arguments["thawed"]?.objectValue ?? [:], step(request))
            return HostedAnswer()
        case "empty":
            let isEmpty = try await capable(request, (any TreeDestination).self).isEmpty(step(request))
            return HostedAnswer(result: ["empty": isEmpty.map { .bool($0) } ?? .null])
        case "discover":
            let items = try await capable(request, (any Discovering).self).discover(context)
            return HostedAnswer(result: [
                "items": .array(items.map { ["identity": .string($0.identity), "summary": .string($0.summary)] })
            ])
        case "inventory":
            return HostedAnswer(result: HoldingMessage.of(try await capable(request, (any Inventorying).self).inventory(context)))
        default: throw request.unknown
        }
    }

    func prepare() async throws { try await (system as? any Connecting)?.connect() }

    func finish() async {
        await images.endAll()
        await targets.endAll()
        await trees.finish()
        await openParts.endAll()
    }

    /// For whom a call is: named with the call, or when the system was opened. Of the step only what names things; the rest stays with the worker.
    private func step(_ request: HostedRequest) throws(StorageError) -> StepContext {
        let said = request.arguments["context"]
        guard let name = said.flatMap(ContextMessage.stepName) ?? self.context.step else {
            throw StorageError(
                .invalid, expected: "\(request.call) for a step", found: "a system that no step has opened", at: "the plug-in's process")
        }
        var context = StepContext(
            job: name.job, tenant: name.tenant, plan: Plan(pipeline: "", steps: []), step: PlannedStep(id: name.step, verb: name.verb),
            attempt: name.attempt, key: name.key, settings: Settings([:], origin: "step \(name.step)"), outputs: [:], checkpoint: nil,
            undoState: [:], catalog: catalog, secrets: self.context.secrets, recorder: recorder,
            scratchFolder: said?["scratchFolder"]?.stringValue ?? self.context.scratchFolder, host: self.context.host)
        context.neverFreeze = said.map(ContextMessage.neverFreeze) ?? self.context.neverFreeze
        return context
    }

    private func capable<Kind>(_ request: HostedRequest, _ kind: Kind.Type) throws(StorageError) -> Kind {
        guard let capable = system as? Kind else { throw request.unknown }
        return capable
    }

    /// What is read: the system, or what was attached of it.
    private func source<Kind>(_ request: HostedRequest, _ kind: Kind.Type) throws -> Kind {
        guard let said = request.arguments["attachment"] else { return try capable(request, kind) }
        let attached = try capable(request, (any Attaching).self).attached(try said.decoded(as: Attachment.self))
        guard let capable = attached as? Kind else { throw request.unknown }
        return capable
    }

    // MARK: attaching, checking, completing

    private func attach(_ request: HostedRequest) async throws -> HostedAnswer {
        guard let view = SystemView(rawValue: try request.text("view")) else { throw request.missing("view") }
        let attachment = try await capable(request, (any Attaching).self).attach(
            view, of: request.snapshot(), key: request.text("key"), step(request))
        return HostedAnswer(result: ["state": .object(attachment.state)])
    }

    private func check(_ request: HostedRequest) async throws -> HostedAnswer {
        var context = try step(request)
        context.restoredFolder = request.arguments["restored"]?.stringValue
        let checks = try (request.arguments["checks"]?.arrayValue ?? []).map { check in
            guard let values = check["settings"]?.objectValue else { throw request.missing("checks") }
            return Settings(values, origin: check["origin"]?.stringValue ?? "")
        }
        let facts = try await capable(request, (any Verifying).self).check(each: checks, context)
        return HostedAnswer(result: ["facts": .array(facts.map { .object($0) })])
    }

    /// The worker's tree, read over the line, with what belongs into it.
    private func complete(_ request: HostedRequest) async throws -> HostedAnswer {
        let system = try capable(request, (any TreeCompleting).self)
        guard let lent = request.arguments["tree"] else { throw request.missing("tree") }
        let base = try PluginTree(worker, opened: lent)
        let thawed = request.arguments["thawed"]?.objectValue ?? [:]
        let context = try step(request)
        return try await trees.openReader { body in try await body(try await system.completing(base, thawed: thawed, context)) }
    }

    // MARK: trees

    private func tree(_ request: HostedRequest) async throws -> HostedAnswer {
        switch request.call {
        case "tree.open":
            let source = try source(request, (any TreeSource).self)
            let snapshot = try request.snapshot()
            let context = try step(request)
            return try await trees.openReader { body in
                try await source.withTree(of: snapshot, context) { try await body($0) }
            }
        case "restore.open":
            let destination = try capable(request, (any TreeDestination).self)
            let overwrite = request.arguments["overwrite"]?.boolValue ?? false
            let context = try step(request)
            return try await trees.openWriter { body in
                if let telling = destination as? any TellingDestination {
                    return try await telling.withTellingWriter(overwrite: overwrite, context) { try await body($0) }.outputs
                }
                try await destination.withTreeWriter(overwrite: overwrite, context) { try await body($0) }
                return [:]
            }
        case "tree.close", "restore.close": return try await trees.close(request)
        default:
            return try await blocking { [trees] in
                try request.call.hasPrefix("tree.") ? trees.read(request) : trees.restore(request)
            }
        }
    }

    // MARK: images

    private func image(_ request: HostedRequest) async throws -> HostedAnswer {
        guard request.call != "image.open" else {
            let source = try source(request, (any ImageSource).self)
            let snapshot = try request.snapshot()
            let context = try step(request)
            let (handle, image) = try await images.lend { body in
                try await source.withImage(of: snapshot, context) { try await body($0) }
                return [:]
            }
            return HostedAnswer(result: .object(Self.opened(image, handle)))
        }
        let handle = try request.number("handle")
        let image = try images.lent(handle, request)
        switch request.call {
        case "image.allocated":
            guard request.hasData else { return try await blocking { HostedAnswer(data: ExtentData.bytes(try image.allocatedExtents())) } }
            guard let ranges = ExtentData.extents(request.data, size: image.size) else { throw request.missing("extents") }
            return try await blocking { HostedAnswer(data: ExtentData.bytes(try image.allocatedExtents(within: ranges))) }
        case "image.changed":
            guard let base = request.arguments["base"] else { throw request.missing("base") }
            let wantsFilled = request.arguments["filled"]?.boolValue ?? false
            return try await blocking {
                guard let changes = try image.changes(since: base) else { return HostedAnswer(result: .null) }
                guard wantsFilled else { return HostedAnswer(data: ExtentData.bytes(changes.ranges)) }
                return HostedAnswer(
                    result: ["filled": .int(Int64(changes.filled.count))],
                    data: ExtentData.bytes(changes.ranges) + ExtentData.bytes(changes.filled))
            }
        case "image.read":
            let (offset, length) = (try request.number("offset"), try request.number("length"))
            let place = try request.place(length)
            return try await blocking {
                if let place {
                    try image.read(into: place.bytes, at: offset)
                    return HostedAnswer()
                }
                let bytes = try [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
                    try image.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
                    count = Int(length)
                }
                return HostedAnswer(data: bytes)
            }
        case "image.confirm":
            return try await blocking {
                try image.confirm()
                return HostedAnswer()
            }
        case "image.close":
            try await images.end(handle, failed: request.arguments["failed"]?.boolValue ?? false)
            return HostedAnswer()
        default: throw request.unknown
        }
    }

    /// What is said of an image that was opened.
    private static func opened(_ image: any ImageReader, _ handle: Int64) -> [String: JSONValue] {
        var result: [String: JSONValue] = [
            "handle": .int(handle), "size": .int(image.size), "granularity": .int(image.granularity), "confirms": true, "within": true,
            "shares": .bool(SharedMemory.inherited != nil), "sharesParts": true, "tellsFilled": true,
        ]
        if !image.attributes.isEmpty { result["attributes"] = TreeMessage.attributes(image.attributes) }
        return result
    }

    // MARK: parts

    private func parts(_ request: HostedRequest) async throws -> HostedAnswer {
        switch request.call {
        case "parts.open":
            let source = try capable(request, (any PartSource).self)
            let snapshot = try request.snapshot()
            let context = try step(request)
            let (handle, open) = try await openParts.lend { body in
                try await source.withParts(of: snapshot, context) { try await body($0) }
                return [:]
            }
            var opened: [JSONValue] = []
            for part in open {
                let (view, result) = try await self.open(part.content)
                partHandles.withLock { $0[handle, default: []].append((view, result["handle"] ?? .null)) }
                opened.append(
                    .object(result.merging(["name": TreeMessage.name(part.name.bytes), "view": .string(view.rawValue)]) { $1 }))
            }
            return HostedAnswer(result: ["handle": .int(handle), "parts": .array(opened)])
        case "parts.close":
            let handle = try request.number("handle")
            let failed = request.arguments["failed"]?.boolValue ?? false
            for part in partHandles.withLock({ $0.removeValue(forKey: handle) }) ?? [] {
                if part.view == .image {
                    try await images.end(part.handle.intValue ?? 0, failed: failed)
                } else {
                    var close = request
                    close.call = "tree.close"
                    close.arguments = ["handle": part.handle, "failed": .bool(failed)]
                    _ = try await trees.close(close)
                }
            }
            try await openParts.end(handle, failed: failed)
            return HostedAnswer()
        default: throw request.unknown
        }
    }

    /// Lent for as long as the parts are.
    private func open(_ content: OpenPart.Content) async throws -> (SystemView, [String: JSONValue]) {
        switch content {
        case .image(let image):
            let (handle, _) = try await images.lend { body in
                try await body(image)
                return [:]
            }
            return (.image, Self.opened(image, handle))
        case .tree(let tree):
            return (.tree, try await trees.openReader { body in try await body(tree) }.result.objectValue ?? [:])
        }
    }

    private func target(_ request: HostedRequest) async throws -> HostedAnswer {
        guard request.call != "target.open" else {
            let destination = try capable(request, (any ImageDestination).self)
            let part = request.arguments["part"]?.arrayValue?.compactMap(\.intValue)
            guard let attributes = TreeMessage.attributes(request.arguments["attributes"]) else { throw request.missing("attributes") }
            let image = request.arguments["size"]?.intValue.map { ImageDescription(size: $0, attributes: attributes) }
            let overwrite = request.arguments["overwrite"]?.boolValue ?? false
            let context = try step(request)
            let (handle, writer) = try await targets.lend { body in
                if let part, part.count == 2 {
                    try await destination.withImageWriter(within: part[0]..<part[1], context) { try await body($0) }
                } else if let image {
                    try await destination.withImageWriter(of: image, overwrite: overwrite, context) { try await body($0) }
                } else {
                    throw request.missing("size")
                }
                return [:]
            }
            return HostedAnswer(result: [
                "handle": .int(handle), "replaces": .bool(writer.replaces), "shares": .bool(SharedMemory.inherited != nil),
            ])
        }
        let handle = try request.number("handle")
        let writer = try targets.lent(handle, request)
        switch request.call {
        case "target.write":
            let offset = try request.number("offset")
            if let length = request.arguments["length"]?.intValue, let place = try request.place(length) {
                try await blocking { try writer.write(UnsafeRawBufferPointer(place.bytes), at: offset) }
            } else {
                try await blocking { try request.data.withUnsafeBytes { try writer.write($0, at: offset) } }
            }
        case "target.zero":
            let (offset, length) = (try request.number("offset"), try request.number("length"))
            try await blocking { try writer.zero(offset..<offset + length) }
        case "target.finish": try await blocking { try writer.finish() }
        case "target.abandon": try await blocking { writer.abandon() }
        case "target.close": try await targets.end(handle, failed: request.arguments["failed"]?.boolValue ?? false)
        default: throw request.unknown
        }
        return HostedAnswer()
    }

    /// The word that a call is at work goes with it to its thread.
    private func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        let working = StillWorking.current
        return try await threads.run { try StillWorking.$current.withValue(working, operation: body) }
    }
}

extension HostedRequest {
    /// Nil for the system as it is now.
    fileprivate func snapshot() throws -> SystemSnapshot? {
        try arguments["snapshot"].flatMap { $0.isNull ? nil : try $0.decoded(as: SystemSnapshot.self) }
    }
}
