import CephLibraries
import NativeLibraries
import StepKit
import StorageKit
import Synchronization

/// One of Ceph's client libraries, loaded when a cluster is first asked for anything. Its functions are called by their own names, as its header has them
/// (`CephLibraries`): each is a jump to where the library has it. Before `load` has succeeded none may be called.
struct CephLibrary: Sendable {
    static let rados = CephLibrary(NativeLibrary("librados.so.2", package: "librados2", release: "16"), functions: librados_functions)
    static let rbd = CephLibrary(NativeLibrary("librbd.so.1", package: "librbd1", release: "16"), functions: librbd_functions)

    private let library: NativeLibrary
    private let functions: @Sendable (UnsafeMutablePointer<Int>) -> UnsafePointer<ceph_function>
    private static let bound = Mutex<Set<String>>([])

    private init(_ library: NativeLibrary, functions: @escaping @Sendable (UnsafeMutablePointer<Int>) -> UnsafePointer<ceph_function>) {
        self.library = library
        self.functions = functions
    }

    var need: MachineNeed { library.need }

    /// Blocks for a moment; may be called from several threads, and again.
    func load() throws(StorageError) {
        let result = Self.bound.withLock { bound -> Result<Void, StorageError> in
            guard !bound.contains(library.name) else { return .success(()) }
            do throws(StorageError) {
                var count = 0
                let table = functions(&count)
                for function in UnsafeBufferPointer(start: table, count: count) {
                    function.place.pointee = try library.address(of: String(cString: function.name))
                }
            } catch { return .failure(error) }
            bound.insert(library.name)
            return .success(())
        }
        try result.get()
    }
}
