import CLibZstd

/// Compresses one message after another with the same context; used by one thread at a time.
final class Compressor {
    /// Fast and, on text, as small as restic's default level (facts, section 3).
    static let defaultLevel: Int32 = 1

    private let context: OpaquePointer
    private let level: Int32
    private var scratch: UnsafeMutableRawBufferPointer

    init(level: Int32 = Compressor.defaultLevel) {
        guard let context = ZSTD_createCCtx() else { preconditionFailure("libzstd has no memory for a context") }
        self.context = context
        self.level = level
        scratch = .allocate(byteCount: 1 << 16, alignment: 64)
    }

    deinit {
        ZSTD_freeCCtx(context)
        scratch.deallocate()
    }

    /// The compressed bytes, good until the next call.
    func compress(_ plain: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let bound = ZSTD_compressBound(plain.count)
        if scratch.count < bound {
            scratch.deallocate()
            scratch = .allocate(byteCount: bound, alignment: 64)
        }
        let size = ZSTD_compressCCtx(context, scratch.baseAddress, scratch.count, plain.baseAddress, plain.count, level)
        precondition(ZSTD_isError(size) == 0, "libzstd failed within its own bound")
        return UnsafeRawBufferPointer(rebasing: scratch[..<size])
    }
}

/// Compresses one frame of parts that come one after another; used by one thread at a time.
final class StreamedCompression {
    private let context: OpaquePointer
    private let scratch: UnsafeMutableRawBufferPointer

    init(level: Int32 = Compressor.defaultLevel) {
        guard let context = ZSTD_createCCtx() else { preconditionFailure("libzstd has no memory for a context") }
        self.context = context
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        scratch = .allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 64)
    }

    deinit {
        ZSTD_freeCCtx(context)
        scratch.deallocate()
    }

    func add(_ bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) { step(bytes, ZSTD_e_continue, &out) }
    func finish(to out: inout [UInt8]) { step(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end, &out) }

    private func step(_ bytes: UnsafeRawBufferPointer, _ directive: ZSTD_EndDirective, _ out: inout [UInt8]) {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            var output = ZSTD_outBuffer(dst: scratch.baseAddress, size: scratch.count, pos: 0)
            let rest = ZSTD_compressStream2(context, &output, &input, directive)
            precondition(ZSTD_isError(rest) == 0, "libzstd failed to compress")
            out.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<output.pos]))
            let isDone = directive == ZSTD_e_end ? rest == 0 : input.pos == input.size
            if isDone { return }
        }
    }
}

/// Decompresses with one context; used by one thread at a time.
final class Decompressor {
    private let context: OpaquePointer

    enum Failure: Error {
        case damaged
        case tooLarge
    }

    /// 32 MiB, the most that restic's levels use. A frame that wants more of its past kept is refused before any memory is taken for it.
    private static let largestWindow: Int32 = 25

    init() {
        guard let context = ZSTD_createDCtx() else { preconditionFailure("libzstd has no memory for a context") }
        self.context = context
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.largestWindow)
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Decompresses one frame into exactly `plain`; false when the frame is damaged or of another size.
    func decompress(_ frame: UnsafeRawBufferPointer, into plain: UnsafeMutableRawBufferPointer) -> Bool {
        let size = ZSTD_decompressDCtx(context, plain.baseAddress, plain.count, frame.baseAddress, frame.count)
        return ZSTD_isError(size) == 0 && size == plain.count
    }

    /// Decompresses a message of unknown size, at most `limit` bytes. Throws `Failure`.
    func decompress(_ message: UnsafeRawBufferPointer, limit: Int) throws -> [UInt8] {
        // A frame that says its size, as all of restic's do, is known to be too large before it costs anything.
        let said = ZSTD_getFrameContentSize(message.baseAddress, message.count)
        if said < UInt64.max - 1, said > UInt64(limit) { throw Failure.tooLarge }
        var out: [UInt8] = []
        if said < UInt64.max - 1 { out.reserveCapacity(Int(said)) }
        try decompress(message) { bytes in
            guard out.count + bytes.count <= limit else { throw Failure.tooLarge }
            out.append(contentsOf: bytes)
        }
        return out
    }

    /// Decompresses a message piece by piece, whatever its size: 128 KiB at a time and the window of its frames are all that is kept. Throws `Failure`, and
    /// what `take` throws.
    func decompress(_ message: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard ZSTD_DCtx_reset(context, ZSTD_reset_session_only) == 0 else { throw Failure.damaged }
        var input = ZSTD_inBuffer(src: message.baseAddress, size: message.count, pos: 0)
        let chunk = ZSTD_DStreamOutSize()
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk, alignment: 64)
        defer { scratch.deallocate() }
        while true {
            var output = ZSTD_outBuffer(dst: scratch.baseAddress, size: chunk, pos: 0)
            let rest = ZSTD_decompressStream(context, &output, &input)
            guard ZSTD_isError(rest) == 0 else { throw Failure.damaged }
            try take(UnsafeRawBufferPointer(rebasing: scratch[..<output.pos]))
            guard output.pos < chunk, input.pos == input.size else { continue }
            guard rest == 0 else { throw Failure.damaged }
            return
        }
    }
}
