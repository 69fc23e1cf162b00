import Basics
import Foundation
import Glibc
import HostKit
public import StepKit
import StorageKit
import Synchronization

/// The plug-ins of a folder: every program in it is asked what it is.
public struct PluginFolder: Sendable {
    public let path: String

    public init(_ path: String) { self.path = path }

    public struct Contents: Sendable {
        public var types: [any SystemType] = []
        /// Programs that are no plug-ins, or that must not be run. The others can be used all the same.
        public var problems: [StepError] = []
    }

    private static let patience = 10.0
    private static let maximumManifest = 1 << 20

    /// Starts each program once. A folder that is not there has none. `taken` are names that plug-ins can't have.
    public func read(taken: Set<String> = []) -> Contents {
        var contents = Contents()
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return contents }
        var taken = taken
        let modules = names.filter { !$0.hasPrefix(".") && !FileManager.default.isExecutableFile(atPath: path + "/" + $0) }.map {
            path + "/" + $0
        }
        for name in names.sorted() where !name.hasPrefix(".") {
            let file = path + "/" + name
            guard FileManager.default.isExecutableFile(atPath: file), !isFolder(file) else { continue }
            do {
                for declaration in try manifest(of: file, modules: modules).systems {
                    guard taken.insert(declaration.name).inserted else {
                        throw error(
                            "a name that no other plug-in has", declaration.name, file, "rename the system, or remove one of the plug-ins")
                    }
                    contents.types.append(declaration.type(at: file))
                }
            } catch {
                contents.problems.append(StepError(wrapping: error, at: file))
            }
        }
        return contents
    }

    private func isFolder(_ file: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) && isFolder.boolValue
    }

    private func error(_ expected: String, _ found: String, _ file: String, _ advice: String) -> StepError {
        StepError(.pluginInvalid, expected: expected, found: found, at: file, advice: advice)
    }

    /// A worker runs these with all its rights: nobody else may have written them, nor what lies beside them, which they may read their code
    /// from, nor may he exchange a folder on the way.
    private func requireTrusted(_ file: String, _ modules: [String]) throws {
        let whole = URL(fileURLWithPath: path).standardizedFileURL.path
        let homes = [whole] + ([file] + modules).compactMap { Self.home(of: $0) }.filter { $0 != whole }
        for folder in Set(homes).sorted() {
            do throws(Explanation) {
                _ = try OwnFolder(opening: folder)
            } catch {
                throw self.error(
                    "a plug-in that only root or this user can change", "one that others can: \(error.found)", error.location,
                    "give it to root (chown root), take others' right to write (chmod go-w)")
            }
        }
        for place in [file] + modules {
            guard access(place, F_OK) == 0 else { continue }
            do throws(Explanation) {
                try OwnFile.require(place)
            } catch {
                throw self.error(
                    "a plug-in that only root or this user can change", "one that others can: \(error.found)", place,
                    "give it to root (chown root), take others' right to write (chmod o-w)")
            }
        }
    }

    /// The folder that a link leads to; nil where there is none on the way.
    private static func home(of file: String) -> String? {
        let resolved = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
        return resolved.isEmpty ? nil : (resolved as NSString).deletingLastPathComponent
    }

    private func manifest(of file: String, modules: [String]) throws -> PluginManifest {
        try requireTrusted(file, modules)
        let process = try SpawnedProcess([file, "manifest"], environment: PluginSystemDeclaration.environment)
        process.closeInput()
        let alarm = DispatchWorkItem { process.kill() }
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience, execute: alarm)
        defer { alarm.cancel() }
        let words = Mutex<[UInt8]>([])
        let heard = DispatchGroup()
        heard.enter()
        Thread.detachNewThread {
            var lines = LineReader(process.errors, limit: 64 << 10)
            while let line = lines.next() { words.withLock { $0 = Array((line + $0).prefix(400)) } }
            heard.leave()
        }
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while text.count <= Self.maximumManifest {
            let count = part.withUnsafeMutableBytes { Glibc.read(process.output, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            text += part[..<count]
        }
        let isTooLong = text.count > Self.maximumManifest
        if isTooLong { process.kill() }
        let ending = process.reap()
        heard.wait()
        guard !isTooLong else {
            throw error(
                "a manifest of at most \(Self.maximumManifest) bytes", "a longer one", file, "run it yourself: `\(file) manifest`")
        }
        guard ending == .exited(0) else {
            let said = String(decoding: words.withLock { $0 }, as: UTF8.self)
            throw error(
                "a manifest within \(Int(Self.patience)) seconds", "\(ending)" + (said.isEmpty ? "" : "; it said: \(said)"), file,
                "run it yourself: `\(file) manifest`")
        }
        guard let json = try? JSONValue(parsing: text) else {
            throw error(
                "one JSON object", String(decoding: text.prefix(120), as: UTF8.self).debugDescription, file,
                "run it yourself: `\(file) manifest`")
        }
        return try PluginManifest(json, at: file)
    }
}
