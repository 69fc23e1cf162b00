import ServerKit
import Crypto
import Logging
import NIOCore
import NIOHTTP1
import Threads

/// One connection, from its first request to its end.
struct Conversation: Sendable {
    let wire: RequestBody.Wire
    let service: Service

    private typealias Writer = NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
    /// A body that is not wanted is read so far, lest the client miss the answer.
    private static let skipped: Int64 = 64 << 20

    private var address: ClientAddress? { ClientAddress(wire.channel.remoteAddress) }

    /// One connection too many ends before it has begun.
    func refuse() async { try? await wire.executeThenClose { _, _ in } }

    /// Of a connection that was admitted.
    func run() async {
        defer { service.connections.remove(wire.channel) }
        await service.renewIdentity()
        // Whatever ends a connection was logged with its request; between requests it is no news.
        try? await wire.executeThenClose { inbound, outbound in
            var body = RequestBody(inbound)
            while try await answerNext(&body, outbound) {}
            // What is closed takes with it what a slow client has not fetched yet.
            try await wire.channel.triggerUserOutboundEvent(TurnHandler.Word.hasLeft).get()
        }
    }

    /// False when the connection is of no more use.
    private func answerNext(_ body: inout RequestBody, _ outbound: Writer) async throws -> Bool {
        let head: HTTPRequestHead
        do {
            guard let next = try await body.nextHead() else { return false }
            head = next
        } catch let refusal as Refusal {
            try await answer(refusal, outbound)
            return false
        }
        service.connections.set(wire.channel, busy: true)
        guard try await serve(head, &body, outbound) else { return false }
        return service.connections.set(wire.channel, busy: false)
    }

    /// Where no request could be read.
    private func answer(_ refusal: Refusal, _ outbound: Writer) async throws {
        service.metrics.refused(refusal.kind)
        let answer = Answer(refusal)
        note(nil, nil, "\(answer.status.code)", 0, 0, .now)
        var sent: Int64 = 0
        try await outbound.write(.head(answer.head(.http1_1, keep: false)))
        try await send(answer.content, outbound, &sent)
        try await outbound.write(.end(nil))
        service.metrics.request("", answer.status.code, bytesIn: 0, bytesOut: sent)
    }

    /// Who asks is known from now on. Throws `.crowded` where a user has as many connections as one may.
    private func know(_ user: String?) throws(Refusal) {
        switch service.connections.know(wire.channel, as: user) {
        case .known: break
        case .isNew: wire.channel.triggerUserOutboundEvent(TurnHandler.Word.known, promise: nil)
        case .tooMany:
            throw Refusal(
                .crowded,
                "you have as many connections as one user may (--connections-per-user), or few are left: close some, and try again",
                .retry(afterSeconds: 5))
        }
    }

    /// Answers one request. False when the connection is of no more use.
    private func serve(_ head: HTTPRequestHead, _ body: inout RequestBody, _ outbound: Writer) async throws -> Bool {
        let begin = ContinuousClock.now
        var user: String?
        var isCut = false
        var isOneTooMany = false
        var awaitsGo = head.awaitsGo
        var answer: Answer
        do {
            user = try await service.authenticate(head, from: address)
            try know(user)
            answer = try await service.answer(head, user: user, from: address, body: &body) {
                guard awaitsGo else { return }
                awaitsGo = false
                try await outbound.write(.head(HTTPResponseHead(version: head.version, status: .continue)))
            }
        } catch let refusal as Refusal {
            service.metrics.refused(refusal.kind)
            isCut = refusal.kind == .cut
            isOneTooMany = refusal.kind == .crowded
            answer = Answer(refusal)
        } catch {
            service.metrics.refused(.cut)
            note(head, user, "cut", body.count, 0, begin)
            throw error
        }
        // HEAD has no body (RFC 9110, 9.3.2).
        if head.method == .HEAD, case .text(let text, _) = answer.content { answer.content = .length(Int64(text.utf8.count)) }
        let keep = head.isKeepAlive && !isOneTooMany && !awaitsGo && !head.endsProtocol
        var sent: Int64 = 0
        do {
            try await outbound.write(.head(answer.head(head.version, keep: keep)))
            try await send(answer.content, outbound, &sent)
            try await outbound.write(.end(nil))
        } catch {
            if answer.status.code < 400 { service.metrics.refused((error as? Refusal)?.kind ?? .cut) }
            note(head, user, "\(answer.status.code) cut", body.count, sent, begin)
            throw error
        }
        // Whom nobody knows gives way to others while the rest of its body comes.
        if service.connections.isUnknown(wire.channel) { service.connections.set(wire.channel, busy: false) }
        // Also where nothing follows: a connection that is closed with something unread in it is reset, and the answer lost.
        let isAtEnd = awaitsGo ? body.isRead : (try? await body.skip(limit: Self.skipped)) ?? false
        service.metrics.request(head.method.rawValue, answer.status.code, bytesIn: body.count, bytesOut: sent)
        note(head, user, "\(answer.status.code)" + (isCut ? " cut" : ""), body.count, sent, begin)
        return keep && isAtEnd
    }

    private func send(_ content: Answer.Content, _ outbound: Writer, _ sent: inout Int64) async throws {
        func write(_ buffer: ByteBuffer) async throws {
            guard buffer.readableBytes > 0 else { return }
            try await outbound.write(.body(.byteBuffer(buffer)))
            sent += Int64(buffer.readableBytes)
        }
        switch content {
        case .length: break
        case .text(let text, _): try await write(ByteBuffer(string: text))
        case .file(let file, let range):
            var offset = range.lowerBound
            while offset < range.upperBound {
                let (start, count) = (offset, Int(min(Int64(Upload.part), range.upperBound - offset)))
                let buffer = try await service.files.run {
                    var buffer = ByteBuffer()
                    try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
                        try file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<count]), at: start)
                        return count
                    }
                    return buffer
                }
                try await write(buffer)
                offset += Int64(count)
            }
        case .list(let folders, let isVersion2):
            var separator = "["
            for folder in folders {
                let listing = try await service.files.run { try ObjectListing(folder) }
                while let objects = try await service.files.run({ try listing.next() }) {
                    var text = ""
                    for (id, size) in objects {
                        text += separator + (isVersion2 ? "{\"name\":\"\(id.hex)\",\"size\":\(size)}" : "\"\(id.hex)\"")
                        separator = ","
                    }
                    try await write(ByteBuffer(string: text))
                }
            }
            try await write(ByteBuffer(string: separator == "[" ? "[]" : "]"))
        }
    }

    /// A line of the log a request: no headers, no query.
    private func note(
        _ head: HTTPRequestHead?, _ user: String?, _ status: String, _ bytesIn: Int64, _ bytesOut: Int64, _ begin: ContinuousClock.Instant
    ) {
        let path = (head?.uri ?? "-").prefix { $0 != "?" }.prefix(300).unicodeScalars
            .map { $0.value > 0x20 && $0.value < 0x7F ? String($0) : "?" }.joined()
        let took = (ContinuousClock.now - begin) / .milliseconds(1)
        let from = wire.channel.remoteAddress?.ipAddress ?? "-"
        service.log.info(
            "\((head?.method.rawValue ?? "-").prefix(16)) \(path) \(status)",
            metadata: [
                "client": "\(from)", "user": "\(user ?? "-")", "bytesIn": .stringConvertible(bytesIn),
                "bytesOut": .stringConvertible(bytesOut), "milliseconds": .stringConvertible(Int(took)),
            ])
    }
}
