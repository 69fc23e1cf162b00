import Basics
import FlowModel
import NativeLibraries
import StepKit
import StorageKit
import Testing

/// A library is used without being linked against, and without C of its own.
@Suite struct NativeLibraryTests {
    @Test func aFunctionIsFoundByItsName() throws {
        let library = NativeLibrary("libm.so.6", package: "libc6")
        let cosine = try library.function("cos", as: (@convention(c) (Double) -> Double).self)
        #expect(cosine(0) == 1)
        #expect(library.need == .library("libm.so.6", package: "libc6"))
    }

    @Test func whatIsMissingIsSaidWithItsPackage() {
        let none = NativeLibrary("libnothing.so.9", package: "libnothing9", release: "3")
        let missing = #expect(throws: StorageError.self) { try none.address(of: "begin") }
        #expect(missing?.kind == .unsupported && missing?.advice.contains("apt install libnothing9") == true, "\(String(describing: missing))")
        #expect(missing?.expected.contains("libnothing.so.9 (release 3 or later)") == true)
        let old = #expect(throws: StorageError.self) { try NativeLibrary("libm.so.6", package: "libc6").address(of: "cosine_of_tomorrow") }
        #expect(old?.found.contains("cosine_of_tomorrow") == true && old?.found.contains("too old") == true, "\(String(describing: old))")
    }
}
