/// Whoever waits for the names of the blobs that it is made of.
protocol BlobReceiver: AnyObject, Sendable {
    /// Blob number `index` has been stored, or was known. Called from several threads.
    func complete(_ index: Int, _ id: ObjectID, _ saver: BlobSaver) throws
}
