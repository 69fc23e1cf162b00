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
    private let images = HostedLoans<any ImageReader>()
    private let targets = HostedLoans<any ImageWriter>()
    private let trees = HostedTrees()
    /// Images and trees block.
    private let threads = BlockingPool(label: "hosted", width: 16)

    init(
        system: any System, context: SystemContext, catalog: Catalog, recorder: any StepRecorder,
        opener: @escaping @Sendable (JSONValue) async throws -> (any System)?
    ) {
        self.opener = opener
        self.system = system
        self.context = context
        self.catalog = catalog
        self.recorder = recorder
    }

    func answer(_ request: HostedRequest) async throws -> HostedAnswer {
        if request.call.hasPrefix("image.") { return try await image(request) }
        if request.call.hasPrefix("target.") { return try await target(request) }
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
    }

    /// For whom a call is: named with the call, or when the system was opened. Of the step only what names things; the rest stays with the worker.
    private func step(_ request: HostedRequest) throws(StorageError) -> StepContext {
        let said = request.arguments["context"]
        guard let name = said.flatMap(ContextMessage.stepName) ?? context.step else {
            throw StorageError(
                .invalid, expected: "\(request.call) for a step", found: "a system that no step has opened", at: "the plug-in's process")
        }
        return StepContext(
            job: name.job, tenant: name.tenant, plan: Plan(pipeline: "", steps: []), step: PlannedStep(id: name.step, verb: name.verb),
            attempt: name.attempt, key: name.key, settings: Settings([:], origin: "step \(name.step)"), outputs: [:], checkpoint: nil,
            undoState: [:], catalog: catalog, secrets: context.secrets, recorder: recorder,
            scratchFolder: said?["scratchFolder"]?.stringValue ?? context.scratchFolder, host: context.host)
    }

    private func capable<Kind>(_ request: HostedRequest, _ kind: Kind.Type) throws(StorageError) -> Kind {
        guard let capable = system as? Kind else { throw request.unknown }
        return capable
    }

    // MARK: trees

    private func tree(_ request: HostedRequest) async throws -> HostedAnswer {
        switch request.call {
        case "tree.open":
            let source = try capable(request, (any TreeSource).self)
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
                try await destination.withTreeWriter(overwrite: overwrite, context) { try await body($0) }
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
            let source = try capable(request, (any ImageSource).self)
            let snapshot = try request.snapshot()
            let context = try step(request)
            let (handle, image) = try await images.lend { body in
                try await source.withImage(of: snapshot, context) { try await body($0) }
            }
            var result: [String: JSONValue] = [
                "handle": .int(handle), "size": .int(image.size), "granularity": .int(image.granularity), "confirms": true,
                "within": true, "shares": .bool(SharedMemory.inherited != nil), "sharesParts": true,
                "tellsFilled": true,
            ]
            if !image.attributes.isEmpty { result["attributes"] = TreeMessage.attributes(image.attributes) }
            return HostedAnswer(result: .object(result))
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
            try await images.end(handle)
            return HostedAnswer()
        default: throw request.unknown
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
        case "target.close": try await targets.end(handle)
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
