import Basics
import Glibc
import StepKit
import StorageKit

/// A file whose presence in a folder leaves out everything else in it; with a header, only when it begins with that.
struct FolderMarker: Sendable, Hashable {
    var name: FileName
    var header: [UInt8] = []

    /// What caches mark themselves with: https://bford.info/cachedir/
    static let cache = FolderMarker(name: "CACHEDIR.TAG", header: Array("Signature: 8a477f597d28d172789f06886806bc55".utf8))

    init(name: FileName, header: [UInt8]) {
        self.name = name
        self.header = header
    }

    /// `FILE` or `FILE:HEADER`.
    init(_ text: String, origin: String) throws(StepError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let file = parts.first, !file.isEmpty, !file.contains("/") else {
            throw StepError(
                .invalidSetting, expected: "a marker `FILE` or `FILE:HEADER`, the file without a folder", found: "`\(text)`", at: origin,
                advice: "for example `.nobackup`")
        }
        name = FileName(String(file))
        header = parts.count == 2 ? Array(parts[1].utf8) : []
    }

    /// True when the folder, which has these names, is marked. A file of the right name that is none of ours, or can't be read, marks
    /// nothing; `unclear` is told why.
    func marks(_ folder: FolderHandle, _ names: [FileName], unclear: (String) -> Void) -> Bool {
        guard names.contains(name) else { return false }
        guard !header.isEmpty else { return true }
        do {
            if try beginning(in: folder) == header { return true }
            unclear("\(folder.path)/\(name): does not begin as a marker should; its folder is copied")
        } catch {
            unclear("\(folder.path)/\(name): \(error.found); its folder is copied")
        }
        return false
    }

    private func beginning(in folder: FolderHandle) throws(StorageError) -> [UInt8] {
        // Non-blocking: a fifo of that name must not hang us.
        let file = try folder.open(TreePath([name]), O_RDONLY | O_NONBLOCK, expected: "a marker that can be read")
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: header.count)
        var filled = 0
        while filled < bytes.count {
            let got = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress! + filled, $0.count - filled) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .system(errno, expected: "a marker that can be read", at: folder.path + "/\(name)") }
            if got == 0 { break }
            filled += got
        }
        return Array(bytes.prefix(filled))
    }
}
