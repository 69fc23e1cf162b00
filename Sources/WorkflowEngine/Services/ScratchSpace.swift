import Foundation

/// Where steps have their scratch folders.
struct ScratchSpace: Sendable {
    let folder: String

    /// The folder of a step, made. Where its disk is full the step has the name alone: most never write there, and those that do say what is missing. An undo goes on
    /// whatever is wrong with it: what is frozen must not wait for a disk that has nothing to do with it.
    func make(_ key: String, mustBeThere: Bool, _ warn: (String) -> Void) throws -> String {
        let path = "\(folder)/\(key)"
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            let isFull = (error as? CocoaError)?.code == .fileWriteOutOfSpace
            guard isFull || !mustBeThere else { throw error }
            let reason = isFull ? String(cString: strerror(ENOSPC)) : error.localizedDescription
            warn(
                "\(path): no scratch folder: \(reason); the step goes on without one. Free space there, or name another place with XDG_CACHE_HOME"
            )
        }
        return path
    }
}
