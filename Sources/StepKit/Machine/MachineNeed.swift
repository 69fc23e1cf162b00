/// Something that must be on a machine before instances of a type can work there.
public struct MachineNeed: Sendable, Hashable {
    /// What is needed.
    public enum Kind: Sendable, Hashable {
        /// By the name that the dynamic loader knows, as `librados.so.2`.
        case library(String)
        /// By its name in PATH, or by its path.
        case program(String)
        /// Any of these, by their names in `/proc/filesystems`.
        case fileSystem([String])
        /// The right CAP_SYS_ADMIN, which root has.
        case administration
    }

    /// What is needed, with its name.
    public var kind: Kind
    /// Debian's package that has it; nil where no package does.
    public var package: String?
    /// The capabilities for which it is needed; nil for whatever is done with an instance.
    public var capabilities: Set<Capability>?

    /// A library by its soname (`librbd.so.1`), and the Debian package that has it.
    public static func library(_ name: String, package: String) -> MachineNeed { MachineNeed(kind: .library(name), package: package) }
    /// A program that is found in the path, and the Debian package that has it.
    public static func program(_ name: String, package: String?) -> MachineNeed { MachineNeed(kind: .program(name), package: package) }
    /// One of these file systems, known to the kernel or to its modules.
    public static func fileSystem(_ names: String..., package: String? = nil) -> MachineNeed {
        MachineNeed(kind: .fileSystem(names), package: package)
    }
    /// The rights of root, or CAP_SYS_ADMIN.
    public static let administration = MachineNeed(kind: .administration)

    /// The same, for these alone.
    public func only(for capabilities: Set<Capability>) -> MachineNeed {
        var need = self
        need.capabilities = capabilities
        return need
    }

    /// `uses`: what is done with an instance; empty where that can't be told.
    public func isNeeded(for uses: Set<Capability>) -> Bool { capabilities.map { !$0.isDisjoint(with: uses) } ?? true }
}

extension MachineNeed {
    /// What it is called: `librados.so.2`.
    public var name: String {
        switch kind {
        case .library(let name), .program(let name): name
        case .fileSystem(let names): names.joined(separator: " or ")
        case .administration: "CAP_SYS_ADMIN"
        }
    }

    /// For scripts.
    public var kindName: String {
        switch kind {
        case .library: "library"
        case .program: "program"
        case .fileSystem: "file-system"
        case .administration: "right"
        }
    }

    /// For people: `the library librados.so.2`.
    public var words: String {
        switch kind {
        case .library: "the library \(name)"
        case .program: "the program \(name)"
        case .fileSystem: "a kernel with the file system \(name)"
        case .administration: "the right \(name)"
        }
    }

    /// What to do where it is missing.
    public var remedy: String {
        let installing = package.map { "install it (Debian: `apt install \($0)`)" }
        return switch kind {
        case .library: installing ?? "install it where the dynamic loader looks"
        case .program: installing ?? "install it into the PATH of the worker"
        case .fileSystem(let names): installing ?? "load the kernel's module: `modprobe \(names[0])`"
        case .administration: "run the worker as root, or give its service AmbientCapabilities=CAP_SYS_ADMIN"
        }
    }
}
