import Basics
import Foundation
import Glibc
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// Markers, cache tags and the size limit, beside restic's own.
@Suite struct FolderMarkerTests {
    private static let signature = "Signature: 8a477f597d28d172789f06886806bc55"

    private func bench() async throws -> SelectionBench {
        let bench = try await SelectionBench()
        for name in ["plain/a", "marked/.nobackup", "marked/a", "marked/below/b", "two/.nobackup", "two/.skip", "two/a", "headed/.skip"] {
            try bench.write(FileName(name), "x")
        }
        try bench.write("headed/a", "x")
        try bench.write("named/.skip", "yes, please")
        try bench.write("named/a", "x")
        try bench.write("cache/CACHEDIR.TAG", Self.signature + "\n# made by a test\n")
        try bench.write("cache/a", "x")
        try bench.write("falseCache/CACHEDIR.TAG", "Signature: something else, as long as the real one")
        try bench.write("falseCache/a", "x")
        try bench.write("shortCache/CACHEDIR.TAG", "Sig")
        try bench.write("shortCache/a", "x")
        try bench.write("sizes/999", String(repeating: "x", count: 1023))
        try bench.write("sizes/1000", String(repeating: "x", count: 1024))
        try bench.write("sizes/1001", String(repeating: "x", count: 1025))
        return bench
    }

    @Test(
        arguments: [
            ([".nobackup"], false, nil), ([".skip"], false, nil), ([".skip:yes"], false, nil), ([".skip:"], false, nil),
            ([".nobackup", ".skip"], false, nil), ([], true, nil), (["CACHEDIR.TAG"], false, nil), (["CACHEDIR.TAG:Sig"], false, nil),
            ([], false, 1024),
            ([".nobackup"], true, 1023), (["missing"], false, 0),
        ] as [([String], Bool, Int?)])
    func whatIsTakenIsWhatResticTakes(_ markers: [String], _ caches: Bool, _ largest: Int?) async throws {
        let bench = try await bench()
        var arguments = markers.map { "--exclude-if-present=\($0)" }
        if caches { arguments.append("--exclude-caches") }
        if let largest { arguments.append("--exclude-larger-than=\(largest)") }
        let settings = Settings(
            [
                "excludeIfPresent": markers.isEmpty ? .null : .array(markers.map { .string($0) }), "excludeCaches": .bool(caches),
                "excludeLargerThan": largest.map { .string("\($0)B") } ?? .null,
            ], origin: "test")
        let ours = try bench.taken(SelectionSettings(settings).selection())
        let theirs = try await bench.taken(arguments)
        #expect(ours.subtracting(theirs) == [], "ours takes more")
        #expect(theirs.subtracting(ours) == [], "restic takes more")
    }

    @Test func aFifoAsAMarkerDoesNotHangAndMarksNothing() async throws {
        let bench = try await SelectionBench()
        try bench.write("folder/a", "x")
        #expect(mkfifo(bench.root + "/folder/CACHEDIR.TAG", 0o600) == 0)
        let selection = Selection(markers: [.cache])
        #expect(try bench.taken(selection).contains(bench.root + "/folder/a"))
        let recorder = MemoryRecorder()
        selection.leftOut.log(to: recorder)
        #expect(recorder.lines.count == 1 && recorder.lines.first?.hasPrefix("warning: ") == true)
        #expect(recorder.lines.first?.contains("CACHEDIR.TAG") == true)
    }

    @Test(arguments: ["", ":header", "folder/file"]) func whatIsNoMarkerIsRefused(_ text: String) {
        let error = #expect(throws: StepError.self) { try FolderMarker(text, origin: "system home") }
        #expect(error?.kind == .invalidSetting)
    }
}
