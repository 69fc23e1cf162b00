import ServerKit

extension Refusal {
    init(_ refusal: LoginRefusal) {
        switch refusal {
        case .unauthenticated: self.init(.unauthenticated, "give the user and password, or token, that the server's owner gave you")
        case .busy(let seconds):
            self.init(.busy, "so many passwords are being checked that yours has to wait; try again", .retry(afterSeconds: seconds))
        }
    }
}
