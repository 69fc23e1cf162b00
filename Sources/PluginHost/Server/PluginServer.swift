import Basics
import FlowModel
import Foundation
import Glibc
public import StepKit
import HostKit
import StorageKit
import Synchronization
import Threads

/// The plug-in's end of the protocol, for systems and stores that are written in Swift: the body of a host process. It ends with its input.
public final class PluginServer: Sendable {
    private let catalog: Catalog
    private let secrets: any SecretResolver
    let output: PluginOutput
    private let worker: WorkerPeer
    private let underWay = Mutex(0)
    private let opened = Mutex<(any HostedInstance)?>(nil)

    private init(catalog: Catalog, secrets: any SecretResolver) {
        self.catalog = catalog
        self.secrets = secrets
        output = PluginOutput()
        worker = WorkerPeer(output)
    }

    /// Serves until nobody asks any more, then ends the process: a library that hangs must not hold it.
    public static func main(catalog: Catalog, secrets: any SecretResolver) -> Never {
        signal(SIGPIPE, SIG_IGN)
        let server = PluginServer(catalog: catalog, secrets: secrets)
        var lines = LineReader(STDIN_FILENO, limit: PluginMessage.maximumLine)
        while let line = lines.next() {
            guard let request = try? JSONValue(parsing: line), let id = request["id"]?.intValue else { _exit(65) }
            var data: [UInt8]?
            if let count = request["data"]?.intValue {
                guard let header = DescriptorIO.read(DataHeader.size, from: PluginOutput.dataDescriptor).map(DataHeader.init),
                    header.id == id, header.count == count,
                    let bytes = DescriptorIO.read(Int(count), from: PluginOutput.dataDescriptor)
                else { _exit(65) }
                data = bytes
            }
            if id < 0 {
                server.worker.answered(id, request, data)
                continue
            }
            guard let call = request["call"]?.stringValue else { _exit(65) }
            server.take(HostedRequest(id: id, call: call, arguments: request["arguments"] ?? [:], data: data ?? [], hasData: data != nil))
        }
        // What is open at a server is closed, or that would count us as present for a while; a library that hangs is not waited for.
        let closed = DispatchSemaphore(value: 0)
        server.worker.end()
        Task {
            await server.finish()
            closed.signal()
        }
        _ = closed.wait(timeout: .now() + Self.closingTime)
        _exit(0)
    }

    private static let closingTime = 8.0

    /// Calls under way end, and what is lent comes back.
    private func finish() async {
        while underWay.withLock({ $0 > 0 }) { try? await Task.sleep(for: .milliseconds(5)) }
        await close()
    }

    private func close() async {
        let instance = opened.withLock { opened in
            defer { opened = nil }
            return opened
        }
        await instance?.finish()
    }

    private func take(_ request: HostedRequest) {
        underWay.withLock { $0 += 1 }
        let (output, id) = (output, request.id)
        // The task inherits it.
        StillWorking.$current.withValue(StillWorking { output.progress(id) }) {
            Task {
                defer { underWay.withLock { $0 -= 1 } }
                do {
                    output.answer(id, try await answer(request))
                } catch {
                    output.fail(id, error, at: request.call)
                }
            }
        }
    }

    private func answer(_ request: HostedRequest) async throws -> HostedAnswer {
        if request.call == "open" {
            // What another step had open before is closed first.
            await close()
            let instance = try await open(request.arguments)
            opened.withLock { $0 = instance }
            return HostedAnswer()
        }
        if request.call == "prepare" {
            // Beside what a session may have open by now: that stays as it is.
            try await (open(request.arguments) as? HostedSystem)?.prepare()
            return HostedAnswer()
        }
        guard let instance = opened.withLock({ $0 }) else { throw request.unknown }
        return try await instance.answer(request)
    }

    private func open(_ arguments: JSONValue) async throws -> any HostedInstance {
        let settings = Settings(arguments["settings"]?.objectValue ?? [:], origin: arguments["origin"]?.stringValue ?? "")
        if let name = arguments["repository"]?.stringValue, let type = catalog.repository(name) {
            return HostedStore(store: try await type.open(settings, StoreContext(secrets: secrets)))
        }
        if let name = arguments["system"]?.stringValue, let type = catalog.system(name) {
            let context = ContextMessage.system(arguments["context"] ?? [:], secrets: secrets, output: output)
            return HostedSystem(
                system: try await type.open(settings, context), context: context, catalog: catalog,
                recorder: HostedRecorder(output: output), worker: worker
            ) { [weak self] other in
                (try await self?.open(other) as? HostedSystem)?.system
            }
        }
        throw StorageError(.unsupported, expected: "a plug-in of this program", found: arguments.canonicalText, at: "open")
    }
}

/// What a plug-in says: whole lines, and whole pieces of data, one after the other.
final class PluginOutput: Sendable {
    static let dataDescriptor: Int32 = 3
    private let lines = Mutex(())
    private let data = Mutex(())
    private let reported = Mutex<[Int64: ContinuousClock.Instant]>([:])

    func answer(_ id: Int64, _ answer: HostedAnswer) {
        reported.withLock { $0[id] = nil }
        write(PluginMessage.result(id: id, answer.result, data: answer.data?.count))
        guard let bytes = answer.data else { return }
        data.withLock { _ in
            _ = DescriptorIO.write(DataHeader(id: id, count: Int64(bytes.count)).bytes, to: Self.dataDescriptor)
            _ = DescriptorIO.write(bytes, to: Self.dataDescriptor)
        }
    }

    func fail(_ id: Int64, _ error: any Error, at location: String) {
        reported.withLock { $0[id] = nil }
        write(PluginMessage.failure(id: id, PluginFailure(error, at: location)))
    }

    /// Asks the worker. False when nobody is there any more.
    func question(_ id: Int64, _ call: String, _ arguments: JSONValue) -> Bool {
        let line = PluginMessage.request(id: id, call: call, arguments: arguments, data: nil)
        return lines.withLock { _ in DescriptorIO.write(line, to: STDOUT_FILENO) }
    }

    /// At most once a second for a call.
    func progress(_ id: Int64) {
        let isDue = reported.withLock { reported in
            if let last = reported[id], .now - last < .seconds(1) { return false }
            reported[id] = .now
            return true
        }
        if isDue { write(PluginMessage.progress(id: id)) }
    }

    func log(_ level: LogLevel, _ message: String) { write(PluginMessage.log(level.rawValue, message)) }

    private func write(_ line: [UInt8]) { lines.withLock { _ in _ = DescriptorIO.write(line, to: STDOUT_FILENO) } }
}
