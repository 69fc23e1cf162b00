// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "snappy-flow", path: "..")],
    targets: [
        .executableTarget(
            name: "repository-bench", dependencies: [.product(name: "Repository", package: "snappy-flow")],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "upload-bench", dependencies: [.product(name: "Steps", package: "snappy-flow")],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
