import Basics
import Testing

@testable import WorkflowEngine

@Suite struct ClockSkewTests {
    @Test(arguments: [
        (Int64(1000), Int64(1040), Int64(1020), false, false),
        (1000, 1040, 3500, true, false),
        (1000, 1040, -1500, true, false),
        (1000, 1040, 65_000, true, true),
        // An answer that took ten seconds says little.
        (1000, 11_000, 9000, false, false),
        (1000, 11_000, 80_000, true, true),
    ])
    func clocksAreComparedAsFarAsAnAnswerTells(
        _ asked: Int64, _ answered: Int64, _ database: Int64, _ isNoticeable: Bool, _ isHarmful: Bool
    ) {
        func at(_ milliseconds: Int64) -> Instant { Instant(microseconds: milliseconds * 1000) }
        let clock = ClockSkew(asked: at(asked), answered: at(answered), database: at(database))
        #expect(clock.isNoticeable == isNoticeable && clock.isHarmful == isHarmful, "\(clock.words)")
    }
}
