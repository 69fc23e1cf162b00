import Dispatch
import Foundation

/// Ctrl-C and SIGTERM as a stream of counts: 1 for the first, 2 for the second, and so on.
struct Interrupts {
    let counts: AsyncStream<Int>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
        let queue = DispatchQueue(label: "interrupts")
        let counter = Counter()
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { continuation.yield(counter.next()) }
            source.resume()
            return source
        }
        counts = stream
    }

    /// Used on one queue only.
    private final class Counter: @unchecked Sendable {
        private var value = 0
        func next() -> Int {
            value += 1
            return value
        }
    }
}
