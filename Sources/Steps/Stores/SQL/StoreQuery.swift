/// The statements of the store, each a file of Queries/.
enum StoreQuery: String {
    case lock, objects, pieces, external, add, size, piece, list, remove
    case addPiece = "add-piece"

    var text: String {
        guard let text = EmbeddedSQL.queries["store-" + rawValue] else { preconditionFailure("Queries/store-\(rawValue).sql is built in") }
        return text
    }
}
