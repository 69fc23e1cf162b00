import Basics
import Foundation
import Glibc
import StepKit
import StorageKit

/// A file of patterns, one a line: blank lines and those that begin with `#` mean nothing, blanks around a pattern neither. Nothing is
/// expanded: a `$` is a `$`.
struct PatternFile: Sendable {
    let path: String

    private static let sizeLimit = 16 << 20

    func patterns() throws -> [String] {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw StorageError.system(errno, expected: "a file of patterns that can be read", at: path) }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        guard let data = try handle.read(upToCount: Self.sizeLimit + 1), !data.isEmpty else { return [] }
        guard data.count <= Self.sizeLimit else { throw mistake("more than \(Self.sizeLimit >> 20) MiB") }
        guard var text = String(validating: data, as: UTF8.self) else { throw mistake("bytes that are not UTF-8") }
        if text.first == "\u{FEFF}" { text.removeFirst() }
        return text.components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
    }

    private func mistake(_ found: String) -> StorageError {
        StorageError(.invalid, expected: "a text of patterns in UTF-8", found: found, at: path, advice: "write one pattern a line")
    }
}
