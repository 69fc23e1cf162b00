import Foundation
import Rigs
import Testing

/// What is declared of Ceph's libraries in this source is what their headers say (librados-dev, librbd-dev).
@Suite struct CephDeclarationTests {
    private static let include = FlowRig.packageRoot + "/Sources/CephLibraries/include"

    /// The compiler of the toolchain refuses a function that is declared twice and not the same.
    private func compile(_ text: String, _ folder: ScratchFolder) throws -> (status: Int32, said: String) {
        let file = folder.file("both.c")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        let (process, errors) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["clang", "-Werror", "-fsyntax-only", "-I", Self.include, file]
        process.standardError = errors
        try process.run()
        let said = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, said)
    }

    private static let theirs = """
        #include <rados/librados.h>
        #include <rbd/librbd.h>

        """

    @Test func functionsAndTypesAreTheLibraries() throws {
        let folder = try ScratchFolder("ceph-declarations")
        let functions = "#define CEPH_TYPES_ARE_THERE\n#include \"librados_functions.h\"\n#include \"librbd_functions.h\"\n"
        let same = try compile(Self.theirs + functions, folder)
        #expect(same.status == 0, "\(same.said)")
        let other = try compile(Self.theirs + functions + "int rbd_flush(rbd_image_t image, int hard);\n", folder)
        #expect(other.status != 0 && other.said.contains("rbd_flush"), "\(other.said)")

        let types = try String(contentsOfFile: Self.include + "/ceph_types.h", encoding: .utf8)
        let structures = types.matches(of: /typedef struct \{([^}]*)\} (\w+);/)
        #expect(structures.count == 8)
        let constants = types.matches(of: /(?m)^ +([A-Z_]+) = (\d+),/)
        #expect(constants.count == 10)
        var text = Self.theirs
        for match in constants { text += "_Static_assert(\(match.output.1) == \(match.output.2), \"\(match.output.1)\");\n" }
        for match in structures {
            let (fields, name) = (match.output.1, match.output.2)
            text += "typedef struct {\(fields)} our_\(name);\n_Static_assert(sizeof(our_\(name)) == sizeof(\(name)), \"\(name)\");\n"
            for field in fields.matches(of: /(\w+)(?:\[\d+\])?;/) {
                let field = field.output.1
                text += "_Static_assert(__builtin_offsetof(our_\(name), \(field)) == __builtin_offsetof(\(name), \(field)), \"\(name)\");\n"
            }
        }
        let laidOut = try compile(text, folder)
        #expect(laidOut.status == 0, "\(laidOut.said)")
    }
}
