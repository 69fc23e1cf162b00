import CLinux

/// Extended attributes (xattr(7)). Counts are bytes; with no memory, the size that is needed.
extension Kernel {
    /// The names of the attributes of what `path` leads to, each ended by a zero (listxattr(2)).
    public static func attributes(of path: UnsafePointer<CChar>, _ memory: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        listxattr(path, memory, count)
    }

    /// Of the name itself, if it is a symbolic link (llistxattr(2)).
    public static func linkAttributes(of path: UnsafePointer<CChar>, _ memory: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        llistxattr(path, memory, count)
    }

    /// The value of an attribute of what `path` leads to (getxattr(2)).
    public static func attribute(
        _ name: UnsafePointer<CChar>, of path: UnsafePointer<CChar>, _ memory: UnsafeMutableRawPointer?, _ count: Int
    ) -> Int {
        getxattr(path, name, memory, count)
    }

    /// Of the name itself, if it is a symbolic link (lgetxattr(2)).
    public static func linkAttribute(
        _ name: UnsafePointer<CChar>, of path: UnsafePointer<CChar>, _ memory: UnsafeMutableRawPointer?, _ count: Int
    ) -> Int {
        lgetxattr(path, name, memory, count)
    }

    /// Makes or replaces an attribute of what `path` leads to (setxattr(2)).
    public static func setAttribute(
        _ name: UnsafePointer<CChar>, of path: UnsafePointer<CChar>, _ value: UnsafeRawPointer?, _ count: Int
    ) -> Int32 {
        setxattr(path, name, value, count, 0)
    }

    /// ENODATA where there is none (removexattr(2)).
    public static func removeAttribute(_ name: UnsafePointer<CChar>, of path: UnsafePointer<CChar>) -> Int32 { removexattr(path, name) }
}
