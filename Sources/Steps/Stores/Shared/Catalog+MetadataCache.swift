import Basics
public import FlowModel
public import Repository
public import StepKit

extension Catalog {
    /// Where what a repository's readers need again and again is kept; nil where nothing is: for a store that is on this machine itself, and where
    /// nobody said in which folder.
    public func metadataCache(of planned: PlannedRepository, _ access: StoreAccess) -> MetadataCachePlace? {
        guard let cacheFolder, access.cacheSize.bytes > 0, repository(planned.type)?.isOnThisMachine == false else { return nil }
        return MetadataCachePlace(folder: cacheFolder, limit: access.cacheSize.bytes)
    }
}
