import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Tar

/// Archives that GNU tar and Python's tarfile wrote.
@Suite struct TarReaderTests {
    private func entries(_ bytes: [UInt8]) throws -> [(header: TarHeader, content: [UInt8])] {
        var rest = bytes[...]
        let reader = TarReader("test.tar") { buffer in
            // A piece at a time, as a connection gives it.
            let count = min(buffer.count, rest.count, 777)
            buffer.copyBytes(from: rest.prefix(count))
            rest = rest.dropFirst(count)
            return count
        }
        var found: [(TarHeader, [UInt8])] = []
        while let header = try reader.next() {
            var content: [UInt8] = []
            // Of every other one nothing is read: the next is found all the same.
            if found.count % 2 == 0 {
                var piece = [UInt8](repeating: 0, count: 1000)
                while true {
                    let count = try piece.withUnsafeMutableBytes { try reader.readContent(into: $0) }
                    guard count > 0 else { break }
                    content += piece[..<count]
                }
                #expect(content.count == header.contentBytes)
            }
            found.append((header, content))
        }
        return found
    }

    private static let script = """
        import io, sys, tarfile
        format = {'ustar': tarfile.USTAR_FORMAT, 'gnu': tarfile.GNU_FORMAT, 'pax': tarfile.PAX_FORMAT}[sys.argv[2]]
        with tarfile.open(sys.argv[1], 'w', format=format) as tar:
            def add(name, type, content=b'', **more):
                info = tarfile.TarInfo(name)
                info.type, info.size, info.mtime, info.mode, info.uid, info.uname = type, len(content), 1700000000, 0o640, 1000, 'anna'
                for key, value in more.items(): setattr(info, key, value)
                tar.addfile(info, io.BytesIO(content))
            add('a', tarfile.DIRTYPE, mode=0o1755)
            add('a/file', tarfile.REGTYPE, b'x' * 1500)
            add('a/' + 'deep/' * 25 + 'file', tarfile.REGTYPE, b'far down')
            add('a/other', tarfile.LNKTYPE, linkname='a/file')
            add('a/link', tarfile.SYMTYPE, linkname='../elsewhere')
            add('a/fifo', tarfile.FIFOTYPE)
            add('a/null', tarfile.CHRTYPE, devmajor=1, devminor=3)
            add('a/empty', tarfile.REGTYPE, mode=0o4755, uname='root', uid=0)
            if sys.argv[2] != 'ustar':
                add('a/' + 'n' * 150, tarfile.REGTYPE, b'long')
                add('a/many', tarfile.REGTYPE, uid=4000000000)
                add('a/old', tarfile.REGTYPE, mtime=-86400 * 365)
                add('a/\\u00e4', tarfile.SYMTYPE, linkname='t' * 150)
            if sys.argv[2] == 'pax': add('a/half', tarfile.REGTYPE, mtime=-1.5, pax_headers={'SCHILY.xattr.user.a': 'b=c', 'comment': 'none'})
        """

    @Test(arguments: ["ustar", "gnu", "pax"]) func whatPythonWrites(_ format: String) async throws {
        let folder = try ScratchFolder("tar")
        let file = folder.file("out.tar")
        try await HostProgram.run(["python3", "-c", Self.script, file, format])
        let found = try entries([UInt8](try Data(contentsOf: URL(fileURLWithPath: file))))
        func entry(_ path: String) throws -> TarHeader { try #require(found.first { $0.header.path == TreePath(path) }?.header, "\(path)") }
        let first = try entry("a").metadata
        #expect(first.kind == .directory && first.permissions == 0o1755 && first.user == "anna" && first.userID == 1000)
        #expect(first.modified == FileTime(seconds: 1_700_000_000))
        #expect(try entry("a/file").contentBytes == 1500)
        let deep = try #require(found.first { $0.header.path == TreePath("a/" + String(repeating: "deep/", count: 25) + "file") })
        #expect(deep.content == Array("far down".utf8))
        let other = try entry("a/other")
        #expect(other.hardLink == TreePath("a/file") && other.contentBytes == 0)
        #expect(try entry("a/link").metadata.linkTarget == Array("../elsewhere".utf8))
        #expect(try entry("a/fifo").metadata.kind == .fifo)
        #expect(try entry("a/null").metadata.device == 0x103)
        #expect(try entry("a/empty").metadata.permissions == 0o4755)
        guard format != "ustar" else { return #expect(found.count == 8) }
        #expect(try entry("a/" + String(repeating: "n", count: 150)).contentBytes == 4)
        #expect(try entry("a/many").metadata.userID == 4_000_000_000)
        #expect(try entry("a/old").metadata.modified.seconds == -86_400 * 365)
        #expect(try entry("a/ä").metadata.linkTarget.count == 150)
        guard format == "pax" else { return #expect(found.count == 12) }
        let half = try entry("a/half").metadata
        #expect(half.modified == FileTime(seconds: -2, nanoseconds: 500_000_000))
        #expect(half.extendedAttributes == [ExtendedAttribute(name: "user.a", value: Array("b=c".utf8))])
        #expect(found.count == 13)
    }

    /// A sparse file's content is not what stands in the archive.
    @Test(arguments: ["gnu", "posix"]) func sparseFilesAreRefused(_ format: String) async throws {
        let folder = try ScratchFolder("tar")
        try await HostProgram.run(["truncate", "--size", "1M", "holes"], in: folder.path)
        try await HostProgram.run(["tar", "--create", "--sparse", "--format", format, "--file", "out.tar", "holes"], in: folder.path)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("out.tar"))))
        let error = #expect(throws: StorageError.self) { try entries(bytes) }
        #expect(error?.kind == .invalid)
    }

    private static let sample = TarHeader(
        TreePath("a/b"), FileMetadata(kind: .file, permissions: 0o600, size: 3, modified: FileTime(seconds: 1)))
    private static let archive = sample.encoded + Array("abc".utf8) + TarHeader.padding(after: 3) + TarHeader.end

    /// The sample's block with other bytes at a place, and its checksum made right again.
    private static func changed(_ offset: Int, _ bytes: [UInt8], in archive: [UInt8] = archive) -> [UInt8] {
        var archive = archive
        archive.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        archive.replaceSubrange(148..<156, with: Array("        ".utf8))
        let sum = archive[..<512].reduce(0) { $0 + Int($1) }
        let text = String(sum, radix: 8)
        archive.replaceSubrange(148..<156, with: Array((String(repeating: "0", count: 6 - text.count) + text).utf8) + [0, 0x20])
        return archive
    }

    static let broken: [(String, [UInt8])] = [
        ("nothing", []), ("cut in a block", Array(archive[..<300])), ("cut in the content", Array(archive[..<514])),
        ("no end", Array(archive[..<1024])),
        ("a wrong checksum", [0x41] + archive[1...]),
        ("a way out", changed(0, Array("../a".utf8))), ("a way out, below", changed(0, Array("a/../../b".utf8))),
        ("an absolute path", changed(0, Array("/etc/passwd".utf8))),
        ("a size that is no number", changed(124, Array("abcdefghijk".utf8))),
        ("a negative size", changed(124, [UInt8](repeating: 0xFF, count: 12))),
        ("a size of more than 64 bits", changed(124, [0x80, 1] + [UInt8](repeating: 0, count: 10))),
        ("a type that nobody knows", changed(156, [UInt8(ascii: "V")])),
        ("a vast extended header", changed(124, Array("77777777777".utf8), in: changed(156, [UInt8(ascii: "x")]))),
        ("no records in an extended header", changed(156, [UInt8(ascii: "x")])),
        ("a vast long name", changed(124, Array("77777777777".utf8), in: changed(156, [UInt8(ascii: "L")]))),
    ]

    @Test(arguments: broken) func whatIsNoArchiveIsRefused(_ what: String, _ bytes: [UInt8]) {
        let error = #expect(throws: StorageError.self, "\(what)") { try entries(bytes) }
        #expect(error.map { [.invalid, .truncated].contains($0.kind) } == true)
    }

    /// Whatever is said of an entry comes back, in whichever header it has to stand.
    @Test func whatWeWriteIsRead() throws {
        let names = [
            "a", "ä", String(repeating: "n", count: 100), String(repeating: "n", count: 101), String(repeating: "x/", count: 200) + "y",
        ]
        let times = [
            FileTime(seconds: 0), FileTime(seconds: 1, nanoseconds: 1), FileTime(seconds: -1, nanoseconds: 999_999_999),
            FileTime(seconds: -2, nanoseconds: 1), FileTime(seconds: 1 << 33), FileTime(seconds: -5),
        ]
        var headers: [TarHeader] = []
        for name in names {
            for (number, time) in times.enumerated() {
                for kind in [FileKind.file, .directory, .symbolicLink, .fifo, .characterDevice, .blockDevice] {
                    headers.append(
                        TarHeader(
                            TreePath(name),
                            FileMetadata(
                                kind: kind, permissions: UInt16(number * 0o1111), userID: number.isMultiple(of: 2) ? .max : 0,
                                groupID: 1 << 21,
                                user: number > 3 ? String(repeating: "u", count: 40) : "anna", group: "", modified: time,
                                linkTarget: kind == .symbolicLink ? Array(("../" + name).utf8) : [],
                                device: [.characterDevice, .blockDevice].contains(kind) ? 0x10_0103 : 0,
                                extendedAttributes: number == 1 ? [ExtendedAttribute(name: "user.x", value: [0, 0x0A, 0xFF])] : [])))
                }
                headers.append(
                    TarHeader(
                        TreePath(name), FileMetadata(kind: .file, permissions: 0o644, modified: time), hardLink: TreePath(names[number % 5])
                    ))
            }
        }
        let found = try entries(headers.flatMap(\.encoded) + TarHeader.end)
        #expect(found.count == headers.count)
        for (read, written) in zip(found.map(\.header), headers) where read != written {
            Issue.record("\(read) is not \(written)")
            return
        }
    }

    /// Eleven octal digits end at 8 GiB: larger sizes stand in an extended header.
    @Test func sizesHaveNoLimit() throws {
        let header = TarHeader(
            TreePath("a"), FileMetadata(kind: .file, permissions: 0o644, size: 1 << 40, modified: FileTime(seconds: 0)))
        var rest = header.encoded[...]
        let reader = TarReader("large.tar") { buffer in
            let count = min(buffer.count, rest.count)
            buffer.copyBytes(from: rest.prefix(count))
            rest = rest.dropFirst(count)
            return count
        }
        #expect(try reader.next() == header)
    }
}
