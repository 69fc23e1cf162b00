import Crypto
import Foundation

#if canImport(ResticServer)
    @testable import ResticServer
#endif

/// What a client of the server says.
enum RequestReadings {
    /// The names become folders: none of them leads anywhere else.
    static func target(_ input: [UInt8]) throws {
        guard let target = RequestTarget(String(decoding: input, as: UTF8.self)) else { return }
        for name in target.repository {
            try FuzzFailure.require(!name.isEmpty && name.utf8.count <= 255, "a name of \(name.utf8.count) bytes")
            try FuzzFailure.require(!name.hasPrefix("."), "a hidden name, or a way up: \(name)")
            let isPath = name.unicodeScalars.contains { $0.value < 0x20 || "/\\\u{7F}".unicodeScalars.contains($0) }
            try FuzzFailure.require(!isPath, "a path: \(name)")
            try FuzzFailure.require(ObjectKind(rawValue: name) == nil && name != "config", "an object's name: \(name)")
        }
        // Written as a request, the same is meant.
        let names = target.repository.map { $0.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "" }
        let path = "/" + names.joined(separator: "/")
        guard path.utf8.count <= 4096 else { return }
        try FuzzFailure.require(RequestTarget(path)?.repository == target.repository, "\(path) is another repository")
    }

    /// The first eight bytes are the object's size.
    static func range(_ input: [UInt8]) throws {
        let size = input.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) } & .max
        guard case .part(let range) = ByteRange(String(decoding: input.dropFirst(8), as: UTF8.self), size: size) else { return }
        try FuzzFailure.require(!range.isEmpty && range.lowerBound >= 0 && range.upperBound <= size, "\(range) of \(size) bytes")
    }
}
