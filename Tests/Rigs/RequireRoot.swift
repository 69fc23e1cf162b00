import Glibc

/// Fails where the tests are no root's: what needs root is not skipped, for a test that is skipped looks like one that passed.
public func requireRoot(_ what: String) throws {
    guard geteuid() == 0 else { throw ResticRig.Failure(description: "\(what) needs root; run the tests as root") }
}
