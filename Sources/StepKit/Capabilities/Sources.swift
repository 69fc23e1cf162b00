public import StorageKit

/// Opens a point in time as a file tree.
public protocol TreeSource: System {
    /// Lends a reader of `snapshot`, or of the live system when nil. The reader is dead when `body` has returned.
    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result
}

/// Opens a point in time as a block image.
public protocol ImageSource: System {
    /// The absolute path under which the image is recorded, as one file: `/<type>/<what it is>`.
    var logicalPath: TreePath { get }

    /// Lends a reader of `snapshot`, or of the live system when nil. A base token is the JSON of the `SystemSnapshot` that was kept.
    func withImage<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any ImageReader) async throws -> Result
    ) async throws -> Result
}

/// Opens a point in time as several parts: the disks of a machine, and the files that define it. All of them are of that one instant.
public protocol PartSource: System {
    /// The absolute path under which the parts are recorded, as entries of one folder: `/<type>/<what it is>`.
    var logicalPath: TreePath { get }

    /// Lends readers of all parts of `snapshot`, or of the live system when nil, each of a name of its own. A base token of their images is
    /// the JSON of the `SystemSnapshot` that was kept, the same for each.
    func withParts<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable ([OpenPart]) async throws -> Result
    ) async throws -> Result
}
