import Subprocess
import SystemPackage

/// Programs of the machine, run to their end without holding a thread of the cooperative pool.
public enum HostProgram {
    /// Returns what the program printed; it must succeed.
    @discardableResult
    public static func run(_ arguments: [String], in folder: String = "/") async throws -> String {
        let result = try await Subprocess.run(
            .name("env"), arguments: Arguments(arguments),
            environment: .custom(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"]), workingDirectory: FilePath(folder),
            output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
        guard result.terminationStatus.isSuccess else {
            throw ResticRig.Failure(
                description: "\(arguments.joined(separator: " ")): \(result.terminationStatus): \(result.standardError)")
        }
        return result.standardOutput
    }
}
