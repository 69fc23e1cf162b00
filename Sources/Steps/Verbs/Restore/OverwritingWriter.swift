import Basics
import StepKit
import StorageKit
import Synchronization

/// Knows whether anything of the image that was there has been written over: a restore that ends halfway then leaves neither the one nor
/// the other, and whoever uses the image next has to hear of it.
final class OverwritingWriter: ImageWriter {
    private let writer: any ImageWriter
    private let began = Atomic(false)

    private init(_ writer: any ImageWriter) { self.writer = writer }

    /// Restores through `writer`. `target`: the system's name.
    static func restore<Result: Sendable>(
        into target: String, _ writer: any ImageWriter, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        guard writer.replaces else { return try await body(writer) }
        let watched = OverwritingWriter(writer)
        do { return try await body(watched) } catch {
            guard watched.began.load(ordering: .relaxed) else { throw error }
            let cause = StepError(wrapping: error, at: "system \(target)")
            throw StepError(
                .halfWritten, expected: "an image that is restored to its end",
                found: "it is half written: part of it is as it was, part of it restored ("
                    + (cause.kind == .cancelled ? "the restore was stopped" : "\(cause.location): \(cause.found)") + ")",
                at: "system \(target)",
                advice: "let nobody use the image before a restore of it has succeeded" + (cause.advice.isEmpty ? "" : "; \(cause.advice)"),
                retry: cause.retry, retryAfter: cause.retryAfter)
        }
    }

    var replaces: Bool { true }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        began.store(true, ordering: .relaxed)
        try writer.write(bytes, at: offset)
    }

    func zero(_ range: Range<Int64>) throws {
        began.store(true, ordering: .relaxed)
        try writer.zero(range)
    }

    func finish() throws { try writer.finish() }
    func abandon() { writer.abandon() }
}
