import Basics
import Testing

@Suite struct CountedNounTests {
    @Test func oneIsSingular() {
        #expect(1.counted("step") == "1 step")
        #expect(0.counted("step") == "0 steps")
        #expect(2.counted("step") == "2 steps")
        #expect((-1).counted("step") == "-1 steps")
        #expect(UInt64(1).counted("byte") == "1 byte")
        #expect(1.counted("entry", "entries") == "1 entry")
        #expect(3.counted("entry", "entries") == "3 entries")
    }
}
