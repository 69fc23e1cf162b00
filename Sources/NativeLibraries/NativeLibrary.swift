import Basics
import Glibc
public import StepKit
public import StorageKit
import Synchronization

/// A library of the machine's that is loaded when it is first needed, and whose functions are found by their names: a program that is linked against it would not
/// start where it is not installed, and would pay for it at every start where it is. One value a library, kept for as long as the process lives.
public final class NativeLibrary: Sendable {
    /// As the loader knows it: `librados.so.2`.
    public let name: String
    /// Debian's package that has it.
    public let package: String
    /// The oldest release that has all functions; for errors.
    public let release: String?
    // Written under the lock, and only once; never closed: a library's threads may live as long as the process.
    private let handle = Mutex<Handle?>(nil)

    private struct Handle: @unchecked Sendable { var pointer: UnsafeMutableRawPointer }

    public init(_ name: String, package: String, release: String? = nil) {
        self.name = name
        self.package = package
        self.release = release
    }

    /// What the type of instances that are made of it declares.
    public var need: MachineNeed { .library(name, package: package) }

    /// Where the function of that name is; loads the library at the first call. Throws `.unsupported` where there is no library, or none that has it.
    public func address(of function: String) throws(StorageError) -> UnsafeMutableRawPointer {
        let library = try loaded()
        guard let found = dlsym(library, function) else { throw problem("one without \(function): it is too old") }
        return found
    }

    /// The function of that name: `try library.function("virGetVersion", as: (@convention(c) (UnsafeMutablePointer<UInt>?) -> Int32).self)`. The type is what
    /// the library's header says, and nobody checks it.
    public func function<Function>(_ name: String, as type: Function.Type) throws(StorageError) -> Function {
        let place = try address(of: name)
        precondition(MemoryLayout<Function>.size == MemoryLayout<UnsafeMutableRawPointer>.size, "\(name) is asked for as \(type): expected @convention(c)")
        return unsafeBitCast(place, to: type)
    }

    private func loaded() throws(StorageError) -> UnsafeMutableRawPointer {
        let result = handle.withLock { handle -> Result<Handle, StorageError> in
            if let handle { return .success(handle) }
            guard let opened = dlopen(name, RTLD_LAZY | RTLD_LOCAL) else {
                return .failure(problem(dlerror().map { String(cString: $0) } ?? "none"))
            }
            let loaded = Handle(pointer: opened)
            handle = loaded
            return .success(loaded)
        }
        return try result.get().pointer
    }

    private func problem(_ found: String) -> StorageError {
        StorageError(
            .unsupported, expected: "the library \(name)" + (release.map { " (release \($0) or later)" } ?? ""), found: found,
            at: "this machine", advice: need.remedy)
    }
}
