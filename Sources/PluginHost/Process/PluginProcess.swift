import Basics
import Foundation
import HostKit
import StorageKit
import Synchronization

/// A running plug-in. Calls block, several at once from threads of the caller's own; what goes wrong with the process ends all of them with
/// an error, never with the worker.
final class PluginProcess: PluginPeer {
    let program: PluginProgram
    var name: String { program.name }
    var callsAtOnce: Int { program.callsAtOnce }
    var isOurs: Bool { program.sharesMemory }
    /// What it may ask about.
    let lent = LentTrees()
    /// Through which content goes, where the process shares it.
    let memory: SharedMemory?
    private let process: SpawnedProcess
    private let calls = Mutex(Calls())
    private let writing = Mutex(())
    /// Entered by the thread that may be filling a caller's buffer.
    private let dataThread = DispatchGroup()
    /// Entered by every thread that reads what the plug-in says.
    private let readers = DispatchGroup()
    private let errorTail = Mutex<[String]>([])
    private let log: Mutex<@Sendable (LogLine) -> Void>
    /// Longest first.
    private let secrets: [String]

    struct LogLine: Sendable {
        var level: String
        var message: String
    }

    private struct Calls {
        var next: Int64 = 1
        var waiting: [Int64: PluginCall] = [:]
        var last = ContinuousClock.now
        /// A call was answered with an error.
        var hasFailed = false
        /// Why nothing can be called any more.
        var end: StorageError?
    }

    private static let keptErrorLines = 8
    private static let longestErrorLine = 500

    /// Starts the program. `log` hears its words, on threads of the plug-in's; `secrets` are in none of them.
    init(_ program: PluginProgram, secrets: [String] = [], log: @escaping @Sendable (LogLine) -> Void) throws(StorageError) {
        self.program = program
        self.secrets = secrets.filter { !$0.isEmpty }.sorted { $0.count > $1.count }
        self.log = Mutex(log)
        memory = program.sharesMemory ? SharedMemory() : nil
        process = try SpawnedProcess(program.command, environment: program.environment, sharing: memory?.file)
        process.limitWrites(to: Int(max(program.timeout.milliseconds / 1000, 1)))
        dataThread.enter()
        for _ in 0..<3 { readers.enter() }
        // Each holds the process and not us: we end when nobody needs us any more.
        let process = process
        start("lines") { [weak self, readers] in
            defer { readers.leave() }
            var lines = LineReader(process.output, limit: PluginMessage.maximumLine)
            while let line = lines.next() { self?.take(line) }
            if lines.isTooLong { self?.misspoken("lines of at most \(PluginMessage.maximumLine) bytes", "a longer one") }
        }
        start("errors") { [weak self, readers] in
            defer { readers.leave() }
            var lines = LineReader(process.errors, limit: 64 << 10)
            while let line = lines.next() { self?.heard(String(decoding: line.prefix(Self.longestErrorLine), as: UTF8.self)) }
        }
        start("data") { [weak self, dataThread, readers] in
            defer {
                dataThread.leave()
                readers.leave()
            }
            while let header = DescriptorIO.read(DataHeader.size, from: process.data).map(DataHeader.init) {
                guard let self, self.takeData(header) else { break }
            }
        }
        start("end") { [weak self, readers] in
            let ending = process.reap()
            // What it has said before counts.
            _ = readers.wait(timeout: .now() + 2)
            self?.ended(ending)
        }
    }

    private func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = "plugin-\(name)"
        thread.stackSize = 512 << 10
        thread.start()
    }

    /// It is asked to end, and made to after a while.
    deinit {
        process.closeInput()
        let process = process
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.closingTime) { process.kill() }
    }

    /// Seconds.
    private static let closingTime = 10.0

    /// False when it can be called no more.
    var isAlive: Bool { calls.withLock { $0.end == nil } }
    /// True when it could be called and nobody waits for it.
    var isIdle: Bool { calls.withLock { $0.end == nil && $0.waiting.isEmpty } }
    /// True when a call was answered with an error, ever.
    var hasFailed: Bool { calls.withLock { $0.hasFailed } }
    /// Since the last call was answered.
    var idleSeconds: Double { calls.withLock { $0.waiting.isEmpty ? ($0.last.duration(to: .now)) / .seconds(1) : 0 } }

    /// Its words go there from now on.
    func hear(_ log: @escaping @Sendable (LogLine) -> Void) { self.log.withLock { $0 = log } }
    private func say(_ line: LogLine) { log.withLock { $0 }(line) }

    /// Ends it with everything that it started.
    func kill(_ error: StorageError? = nil) {
        if let error { fail(error) }
        process.cutOff()
    }

    /// For tests of its end.
    func signal(_ number: Int32) { process.kill(number) }

    // MARK: calling

    func call(_ name: String, _ arguments: JSONValue) throws(StorageError) -> PluginCall.Answer {
        try call(name, arguments, sending: nil)
    }

    /// Makes a call and waits for its answer. What comes as data fills `destination`, where there is one, to its last byte.
    func call(
        _ name: String, _ arguments: JSONValue = [:], sending data: UnsafeRawBufferPointer? = nil,
        into destination: UnsafeMutableRawBufferPointer? = nil
    ) throws(StorageError) -> PluginCall.Answer {
        let call = PluginCall(name, into: destination, timeout: program.timeout.duration)
        let (id, end) = calls.withLock { calls in
            if calls.end == nil { calls.waiting[calls.next] = call }
            calls.next += 1
            return (calls.next - 1, calls.end)
        }
        if let end { throw end }
        defer {
            calls.withLock { calls in
                calls.waiting[id] = nil
                calls.last = .now
            }
        }
        let line = PluginMessage.request(id: id, call: name, arguments: arguments, data: data?.count)
        if !send(id, line, data) { giveUp(call, "it took no more of what was sent") }
        var ended = call.wait()
        // It waits for us.
        while ended == nil, lent.isAsked {
            call.extend(by: program.timeout.duration)
            ended = call.wait()
        }
        guard let outcome = ended else {
            giveUp(call, "nothing came for \(program.timeout)")
            throw overdue(name, "nothing came for \(program.timeout)")
        }
        switch outcome {
        case .success(let answer):
            guard destination == nil || call.receivedCount == destination?.count else {
                throw StorageError(
                    .truncated, expected: "\((destination?.count ?? 0).counted("byte")) of \(name)", found: "\(call.receivedCount)",
                    at: program.name,
                    advice: "this is an error in the plug-in; tell its author")
            }
            return answer
        case .failure(let error):
            // Nobody may still be writing into the caller's buffer.
            if destination != nil, !isAlive { dataThread.wait() }
            throw error
        }
    }

    /// A line, and the data that belong to it. False when it takes no more.
    private func send(_ id: Int64, _ line: [UInt8], _ data: UnsafeRawBufferPointer?) -> Bool {
        writing.withLock { _ in
            guard DescriptorIO.write(line, to: process.input) else { return false }
            guard let data else { return true }
            return DescriptorIO.write(DataHeader(id: id, count: Int64(data.count)).bytes, to: process.data)
                && DescriptorIO.write(data, to: process.data)
        }
    }

    /// The process is beyond help. Returns when nothing writes into the caller's buffer any more.
    private func giveUp(_ call: PluginCall, _ found: String) {
        fail(overdue(call.name, found))
        process.cutOff()
        if call.destination != nil { dataThread.wait() }
    }

    private func overdue(_ call: String, _ found: String) -> StorageError {
        StorageError(
            .unavailable, expected: "an answer of \(program.name) to \(call)", found: found, at: program.name,
            advice: "it was ended, with all that it had started, and is started anew for the next call; look at what it works with",
            retry: .transient)
    }

    // MARK: what it says

    private func take(_ line: [UInt8]) {
        guard let reply = PluginMessage.Reply(line: line) else {
            return misspoken("a line of the plug-in protocol", masked(String(decoding: line.prefix(120), as: UTF8.self)).debugDescription)
        }
        switch reply {
        case .log(let level, let message): say(LogLine(level: level, message: masked(message)))
        case .progress(let id): waiting(id)?.extend(by: program.timeout.duration)
        case .question(let id, let call, let arguments): asked(id, call, arguments)
        case .result(let id, let result, let data): waiting(id)?.answered(result, data: data)
        case .failure(let id, let json):
            calls.withLock { $0.hasFailed = true }
            guard let call = waiting(id) else { return }
            call.failed(PluginFailure(json: json, call: call.name, plugin: program.name).error.mapText(masked))
        }
    }

    /// What it asks, it asks for a call of ours, which does not count as silent meanwhile.
    private func asked(_ id: Int64, _ call: String, _ arguments: JSONValue) {
        guard calls.withLock({ !$0.waiting.isEmpty }) else {
            return misspoken("a question while a call is under way", "\(call), and nobody has called")
        }
        let isTaken = lent.answer(id, call, arguments) { [weak self] outcome in
            guard let self else { return }
            for call in calls.withLock({ Array($0.waiting.values) }) { call.extend(by: program.timeout.duration) }
            let isSent: Bool
            switch outcome {
            case .success(let answer):
                let line = PluginMessage.result(id: id, answer.result, data: answer.data?.count)
                isSent = answer.data.map { data in data.withUnsafeBytes { self.send(id, line, $0) } } ?? send(id, line, nil)
            case .failure(let error):
                isSent = send(id, PluginMessage.failure(id: id, PluginFailure(error, at: call)), nil)
            }
            if !isSent { kill(overdue(call, "it took no more of the answer to its own question")) }
        }
        if !isTaken { misspoken("few questions at once", "more than are answered") }
    }

    private func waiting(_ id: Int64) -> PluginCall? { calls.withLock { $0.waiting[id] } }

    /// False when the stream can't be followed any more.
    private func takeData(_ header: DataHeader) -> Bool {
        guard header.count >= 0, header.count <= PluginMessage.maximumData, let call = waiting(header.id) else {
            misspoken(
                "data for a call that waits, of at most \(PluginMessage.maximumData) bytes",
                "\(header.count.counted("byte")) for call \(header.id)")
            return false
        }
        if let destination = call.destination {
            guard header.count == destination.count else {
                misspoken("\(destination.count.counted("byte")) of \(call.name)", "\(header.count)")
                return false
            }
            guard DescriptorIO.read(into: destination, from: process.data) else { return false }
            call.received(nil, count: destination.count)
        } else {
            guard let bytes = DescriptorIO.read(Int(header.count), from: process.data) else { return false }
            call.received(bytes, count: bytes.count)
        }
        return true
    }

    private func masked(_ text: String) -> String { secrets.reduce(text) { $0.replacing($1, with: "<redacted>") } }

    private func heard(_ words: String) {
        let line = masked(words)
        errorTail.withLock { tail in
            tail.append(line)
            if tail.count > Self.keptErrorLines { tail.removeFirst() }
        }
        say(LogLine(level: "info", message: line))
    }

    // MARK: its end

    /// It does not speak the protocol: trying again would be no different.
    private func misspoken(_ expected: String, _ found: String) {
        kill(
            StorageError(
                .invalid, expected: expected, found: found, at: program.name,
                advice: "this is an error in the plug-in (docs/plug-ins.md): its standard output is for replies only; tell its author"))
    }

    private func ended(_ ending: SpawnedProcess.Ending) {
        let words = errorTail.withLock { $0.suffix(3).joined(separator: " / ") }
        fail(
            StorageError(
                .unavailable, expected: "\(program.name) at work", found: "\(ending)" + (words.isEmpty ? "" : "; its last words: \(words)"),
                at: program.name, advice: "it is started anew for the next call", retry: .transient))
    }

    /// The first reason counts.
    private func fail(_ error: StorageError) {
        let (waiting, end) = calls.withLock { calls in
            if calls.end == nil { calls.end = error }
            return (Array(calls.waiting.values), calls.end ?? error)
        }
        for call in waiting { call.failed(end) }
    }
}

extension StorageError {
    /// With every text of it changed.
    fileprivate func mapText(_ change: (String) -> String) -> StorageError {
        StorageError(
            kind, expected: change(expected), found: change(found), at: change(location), advice: change(advice), retry: retry,
            retryAfter: retryAfter)
    }
}

extension PluginProcess: SecretHolding {
    var shown: String { "process of plug-in \(program.name)" }
}
