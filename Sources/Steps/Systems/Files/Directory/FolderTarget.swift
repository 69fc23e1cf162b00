import Glibc
public import StorageKit

/// A folder that a command restores into, outside of any pipeline.
public enum FolderTarget {
    /// Lends a writer below `path`, which is made when it is not there.
    public static func withWriter<Result: Sendable>(
        path: String, overwrite: Bool, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        try makeFolder(path)
        let writer = try FolderWriter(path: path, overwrite: overwrite)
        defer { writer.end() }
        return try await body(writer)
    }

    /// Makes the folder and those above it.
    static func makeFolder(_ path: String) throws(StorageError) {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/" + part
            guard mkdir(made, 0o755) == 0 || errno == EEXIST || access(made, F_OK) == 0 else {
                throw .system(errno, expected: "a target folder that can be made", at: made)
            }
        }
    }
}
