import Foundation

/// Where the dynamic loader would find a library, without loading it: its code is not to run in the worker, only where instances live.
struct LibrarySearch {
    let environment: [String: String]

    /// The first file of that name decides, as it does for the loader.
    func finds(_ name: String) -> Bool {
        guard let place = places(of: name).first(where: { FileManager.default.fileExists(atPath: $0) }) else { return false }
        return Self.isLibrary(place)
    }

    private func places(of name: String) -> [String] {
        let named = (environment["LD_LIBRARY_PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
        return named + cached(name) + ["/lib", "/usr/lib", "/lib64", "/usr/lib64"].map { "\($0)/\(name)" }
    }

    /// The paths of that name in `/etc/ld.so.cache`, where they stand as texts, each with a NUL behind it.
    private func cached(_ name: String) -> [String] {
        guard let cache = FileManager.default.contents(atPath: "/etc/ld.so.cache") else { return [] }
        let sought = Data("/\(name)".utf8) + [0]
        var found: [String] = []
        var rest = cache.startIndex..<cache.endIndex
        while let match = cache.range(of: sought, in: rest) {
            let start = cache[..<match.lowerBound].lastIndex(of: 0).map { $0 + 1 } ?? cache.startIndex
            found.append(String(decoding: cache[start..<match.upperBound - 1], as: UTF8.self))
            rest = match.upperBound..<cache.endIndex
        }
        return found
    }

    /// By its first bytes: the loader refuses what has others, and looks no further.
    private static func isLibrary(_ path: String) -> Bool {
        guard let file = FileHandle(forReadingAtPath: path) else { return false }
        return (try? file.read(upToCount: 4)) == Data([0x7F, 0x45, 0x4C, 0x46])
    }
}
