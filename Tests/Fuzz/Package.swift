// swift-tools-version: 6.2
import PackageDescription

/// A package of its own: the readers once more, instrumented, and libFuzzer around them. `scripts/fuzz` builds and runs it.
let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "snappy-flow", path: "../..")],
    targets: [
        .executableTarget(
            name: "fuzz", dependencies: [.product(name: "Readers", package: "snappy-flow")],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
