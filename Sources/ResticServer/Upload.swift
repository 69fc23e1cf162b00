import Crypto
import Glibc
import NIOCore
import NIOHTTP1
import Threads

/// Where a body goes.
struct Upload: Sendable {
    let file: String
    /// What the content must hash to; nil for the config, which is named otherwise.
    let expected: SHA256Digest?
    /// Bytes.
    let maximum: Int64
    let kind: ObjectKind?

    /// So much is gathered before a thread is asked to write it.
    static let part = 512 << 10
}

extension Service {
    /// Streams a body to disk and gives it its name, or leaves nothing.
    func store(
        _ upload: Upload, _ head: HTTPRequestHead, _ body: inout RequestBody, _ accepts: () async throws -> Void
    ) async throws {
        let declared = head.headers.first(name: "Content-Length").flatMap { Int64($0) }
        if let declared {
            if declared > upload.maximum { throw Self.tooLarge(upload) }
            try quota.expect(Quota.weight(declared))
        }
        // Known early, so that a client that waits to be asked sends nothing; the link is what decides.
        if try await files.run({ try RepositoryFolder.size(upload.file) }) != nil { throw Refusal(errno: EEXIST, "an upload") }
        var taken: Int64 = 0
        do {
            let file = try await files.run { try UploadFile(target: upload.file) }
            try await accepts()
            var pending = ByteBuffer()
            while let buffer = try await body.next() {
                if body.count > upload.maximum { throw Self.tooLarge(upload) }
                try quota.take(Quota.weight(body.count) - taken)
                taken = Quota.weight(body.count)
                pending.writeImmutableBuffer(buffer)
                guard pending.readableBytes >= Upload.part else { continue }
                let full = pending
                try await files.run { try full.withUnsafeReadableBytes { try file.append($0) } }
                pending = ByteBuffer()
            }
            // Nothing takes a block, too.
            try quota.take(Quota.weight(body.count) - taken)
            taken = Quota.weight(body.count)
            let rest = pending
            try await files.run {
                try rest.withUnsafeReadableBytes { try file.append($0) }
                try file.store(expected: upload.expected)
            }
        } catch {
            quota.giveBack(taken)
            throw error
        }
        if let kind = upload.kind { metrics.stored(kind) }
    }

    private static func tooLarge(_ upload: Upload) -> Refusal {
        Refusal(.tooLarge, "an object of this kind has at most \(upload.maximum) bytes here; make packs smaller")
    }
}
