import Basics
import FlowControl
import FlowModel
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000Z"), (1_796_004_907_250_000, "2026-11-30T02:15:07.250000Z"),
        (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"), (-1, "1969-12-31T23:59:59.999999Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00.000000Z"), (253_402_300_799_000_000, "9999-12-31T23:59:59.000000Z"),
    ]) func aTimeIsWrittenAndReadBack(_ microseconds: Int64, _ text: String) {
        let time = Timestamp(Instant(microseconds: microseconds))
        #expect(time.description == text)
        #expect(Timestamp(text) == time)
    }

    @Test func everyDayOfFourCenturiesIsReadBack() {
        for day in stride(from: Int64(-150_000), to: 150_000, by: 7) {
            let time = Timestamp(Instant(microseconds: day * 86_400_000_000 + 1))
            #expect(Timestamp(time.description) == time)
        }
    }

    @Test func otherFormsOfTheStandardAreRead() {
        #expect(Timestamp("2026-11-30T03:15:07+01:00") == Timestamp("2026-11-30T02:15:07Z"))
        #expect(Timestamp("2026-11-29t21:45:07.25-04:30") == Timestamp("2026-11-30T02:15:07.250Z"))
        #expect(Timestamp("2026-11-30") == Timestamp("2026-11-30T00:00:00Z"))
        #expect(Timestamp("2026-11-30T00:00:00.123456789Z")?.instant.microseconds.description.suffix(6) == "123456")
    }

    @Test(arguments: [
        "", "now", "2026-02-29", "2026-13-01", "2026-11-30T24:00:00Z", "2026-11-30T10:00:00", "2026-11-30T10:00Z", "0000-01-01",
        "-2026-11-30",
        "٢٠٢٦-١١-٣٠",
    ]) func whatIsNoTimeIsNone(_ text: String) { #expect(Timestamp(text) == nil) }

    @Test func timesOfAnotherAgeAreTheFirstAndTheLast() {
        #expect(Timestamp(Instant(microseconds: .min)).description == "0001-01-01T00:00:00.000000Z")
        #expect(Timestamp(Instant(microseconds: .max)).description == "9999-12-31T23:59:59.000000Z")
    }
}
