// swift-tools-version: 6.2
import PackageDescription

/// The settings of every target, named once.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// Byte loops run several times slower unoptimised; the data path is compiled optimised in debug builds too,
/// so that one debug tree serves the demo, the tests and CI.
let hot: [SwiftSetting] = strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]

func system(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
/// What was logged, kept for a test.
let keptLogging = Target.Dependency.product(name: "InMemoryLogging", package: "swift-log")

func nio(_ name: String) -> Target.Dependency { .product(name: name, package: "swift-nio") }

let package = Package(
    name: "snappy-flow",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "snappy-flow", targets: ["snappy-flow"]),
        .library(name: "Repository", targets: ["Repository", "StorageKit"]),
        .library(name: "Steps", targets: ["Steps", "StepKit", "StorageKit", "Basics", "FlowModel", "Crypto"]),
        // what reads the text and bytes of others: for Tests/Fuzz
        .library(
            name: "Readers",
            targets: ["Basics", "FlowModel", "Expressions", "PipelineDSL", "StepKit", "StorageKit", "Crypto", "Repository", "Tar"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        // 0: C libraries, each imported by exactly one target
        system("CLibYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
        system("CLibPQ", pkgConfig: "libpq", apt: "libpq-dev"),
        system("CLibCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
        system("CLibCrypto", pkgConfig: "libcrypto", apt: "libssl-dev"),
        system("CLibCrypt", pkgConfig: "libcrypt", apt: "libcrypt-dev"),
        // the kernel's calls that Swift's Glibc module leaves out
        .systemLibrary(name: "CLinux"),
        system("CLibZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
        // librados and librbd by their functions' names, without them: they are loaded at run time
        .target(name: "CephLibraries"),
        // hashing is half of what a backup costs: optimised as the Swift of the data path is
        .target(name: "CSHA256", cSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))]),

        // 1: values and contracts
        .target(name: "Basics", swiftSettings: hot),
        .target(name: "FlowModel", dependencies: ["Basics", "Crypto"], swiftSettings: hot),
        .target(name: "Threads", swiftSettings: strict),
        .target(name: "StorageKit", dependencies: ["Basics"], swiftSettings: strict),
        .target(name: "Tar", dependencies: ["Basics", "StorageKit"], swiftSettings: hot),
        .target(name: "HostKit", dependencies: ["CLinux", "Basics", "StorageKit"], swiftSettings: strict),
        .target(name: "LogKit", dependencies: ["Basics", "HostKit", "Threads", logging], swiftSettings: strict),
        .target(name: "StepKit", dependencies: ["Basics", "FlowModel", "StorageKit"], swiftSettings: strict),
        .target(name: "Crypto", dependencies: ["CLibCrypto", "CSHA256", "Basics"], swiftSettings: hot),

        // 2: one technique each
        // what both the compiler and the engine know of a document; the engine links no YAML
        .target(name: "Expressions", dependencies: ["Basics", "FlowModel"], swiftSettings: strict),
        .target(
            name: "PipelineDSL", dependencies: ["CLibYAML", "Basics", "FlowModel", "StepKit", "Expressions", "Crypto"],
            swiftSettings: strict),
        .target(
            name: "PostgreSQL", dependencies: ["CLibPQ", "Basics", "HostKit", "LogKit", "Threads", logging, subprocess],
            exclude: ["Embedded/Queries"],
            swiftSettings: hot,
            plugins: ["EmbedSQL"]),
        .target(name: "NativeLibraries", dependencies: ["Basics", "StepKit", "StorageKit"], swiftSettings: strict),
        .target(
            name: "PluginHost",
            dependencies: ["Basics", "FlowModel", "StepKit", "StorageKit", "Threads", "HostKit"],
            swiftSettings: strict),
        .target(name: "HTTPClient", dependencies: ["CLibCurl", "Basics", "Threads"], swiftSettings: strict),

        // 3: the engine and the data path, which do not know each other
        .target(
            name: "WorkflowEngine",
            dependencies: [
                "Basics", "FlowModel", "StepKit", "Expressions", "PostgreSQL", "HostKit", "LogKit", "Crypto", "Threads", logging,
                subprocess,
            ],
            exclude: ["Store/Queries", "Store/Migrations"],
            swiftSettings: strict,
            plugins: ["EmbedSQL"]),
        .target(
            name: "Repository",
            dependencies: ["StorageKit", "Crypto", "CLibZstd", "HostKit", "Tar", "Threads", "Basics"],
            swiftSettings: hot),

        // servers: what any of them needs, and that of restic's protocol
        .target(
            name: "ServerKit",
            dependencies: [
                "CLibCrypt", "Crypto", "Basics", "Threads", logging, nio("NIOCore"), nio("NIOHTTP1"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
        .target(
            name: "ResticServer",
            dependencies: [
                "ServerKit", "Crypto", "Basics", "HostKit", "StorageKit", "Threads", logging, nio("NIOCore"), nio("NIOPosix"),
                nio("NIOHTTP1"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),

        // 4: plug-ins; those of a native library are a target of their own
        .target(
            name: "CephSteps",
            dependencies: ["Basics", "FlowModel", "StepKit", "StorageKit", "Threads", "NativeLibraries", "CephLibraries"],
            path: "Sources/Steps/Systems/Ceph", swiftSettings: strict),
        .target(
            name: "Steps",
            dependencies: [
                "Basics", "FlowModel", "StepKit", "StorageKit", "Repository", "HTTPClient", "PostgreSQL", "PluginHost", "HostKit", "Tar",
                "Threads",
                "Crypto",
                "CephSteps",
                subprocess,
            ],
            exclude: ["Systems/Databases/PostgreSQL/Queries", "Stores/SQL/Queries", "Systems/Ceph"],
            swiftSettings: strict,
            plugins: ["EmbedSQL"]),

        // 4: what every way in does with jobs
        .target(
            name: "FlowControl", dependencies: ["Basics", "FlowModel", "StepKit", "PipelineDSL", "PostgreSQL", "WorkflowEngine"],
            swiftSettings: strict),

        // 5: the composition root
        .executableTarget(
            name: "snappy-flow",
            dependencies: [
                "Basics", "FlowModel", "StepKit", "StorageKit", "PipelineDSL", "PostgreSQL", "PluginHost", "WorkflowEngine", "FlowControl",
                "Repository", "ResticServer", "Steps", "Threads", "Crypto", "HostKit", "LogKit", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        // build tools
        .executableTarget(name: "embed-sql", path: "Plugins/embed-sql", swiftSettings: [.swiftLanguageMode(.v6)]),
        .plugin(name: "EmbedSQL", capability: .buildTool(), dependencies: ["embed-sql"]),

        // tests
        .target(
            name: "Rigs",
            dependencies: [
                "Basics", "StepKit", "PostgreSQL", "Threads", logging, keptLogging, subprocess,
            ],
            path: "Tests/Rigs",
            swiftSettings: hot),
        .target(
            name: "ExamplePlugin", dependencies: ["Basics", "StepKit", "StorageKit"], path: "examples/plugin/swift",
            swiftSettings: strict),
        .target(name: "FlowTestKit", dependencies: ["Basics", "FlowModel", "StepKit", "Rigs"], path: "Tests/FlowTestKit", swiftSettings: strict),
        .executableTarget(
            name: "flow-test-worker",
            dependencies: ["FlowTestKit", "WorkflowEngine", "PostgreSQL", "Basics", "StepKit", "LogKit", logging],
            path: "Tests/flow-test-worker", swiftSettings: strict),
        .testTarget(name: "BasicsTests", dependencies: ["Basics", "Rigs"], swiftSettings: strict),
        .testTarget(name: "FlowModelTests", dependencies: ["Basics", "FlowModel"], swiftSettings: strict),
        .testTarget(name: "TarTests", dependencies: ["Tar", "StorageKit", "Basics", "Rigs", subprocess], swiftSettings: strict),
        .testTarget(
            name: "LogKitTests", dependencies: ["LogKit", "Basics", "StepKit", "PostgreSQL", "HTTPClient", "Threads", "Rigs", logging],
            swiftSettings: strict),
        .testTarget(name: "HTTPClientTests", dependencies: ["HTTPClient", "Basics", "Rigs"], swiftSettings: strict),
        .testTarget(
            name: "PluginHostTests", dependencies: ["PluginHost", "Basics", "FlowModel", "StepKit", "StorageKit", "Threads", "Rigs"], swiftSettings: strict),
        .testTarget(name: "CryptoTests", dependencies: ["Basics", "Crypto"], swiftSettings: strict),
        .testTarget(name: "ExpressionsTests", dependencies: ["Basics", "Expressions", "FlowModel"], swiftSettings: strict),
        .testTarget(
            name: "PipelineDSLTests",
            dependencies: ["PipelineDSL", "Expressions", "Crypto", "Basics", "FlowModel", "StepKit", "StorageKit", "Rigs", "Steps"],
            swiftSettings: strict),
        .testTarget(
            name: "PostgreSQLTests",
            dependencies: ["PostgreSQL", "Basics", "FlowModel", "HostKit", "Rigs", "Threads", logging, subprocess],
            swiftSettings: strict),
        .testTarget(
            name: "WorkflowEngineTests",
            dependencies: [
                "WorkflowEngine", "PostgreSQL", "Basics", "FlowModel", "StepKit", "StorageKit", "Expressions", "Crypto", "Rigs", "Threads",
                "FlowTestKit", "flow-test-worker", "LogKit", logging, keptLogging, subprocess,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "FlowControlTests",
            dependencies: [
                "FlowControl", "WorkflowEngine", "PostgreSQL", "PipelineDSL", "Basics", "FlowModel", "StepKit", "Rigs", "FlowTestKit",
                "flow-test-worker",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "RepositoryTests", dependencies: ["Repository", "StorageKit", "Crypto", "Basics", "Rigs", "Threads", subprocess],
            swiftSettings: strict),
        .testTarget(
            name: "StepsTests",
            dependencies: [
                "Steps", "StepKit", "StorageKit", "Repository", "Basics", "FlowModel", "PostgreSQL", "HTTPClient", "PluginHost", "Crypto",
                "CephSteps", "NativeLibraries", "ExamplePlugin", "Rigs",
                "Threads",
                subprocess,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "PipelineDSL", "Expressions", "Basics", "FlowModel", "StepKit", "StorageKit", "Crypto", "Repository", "ResticServer",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ServerKitTests",
            dependencies: [
                "ServerKit", "Crypto", "Basics", "LogKit", "Rigs", logging, nio("NIOCore"), nio("NIOEmbedded"), nio("NIOHTTP1"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ResticServerTests",
            dependencies: [
                "ResticServer", "ServerKit", "HTTPClient", "Crypto", "Basics", "Rigs", "Threads", nio("NIOCore"), nio("NIOEmbedded"),
                nio("NIOHTTP1"),
                subprocess,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AcceptanceTests", dependencies: ["Rigs", "FlowControl", "WorkflowEngine", "Basics", "FlowModel", "PostgreSQL", "snappy-flow", subprocess],
            swiftSettings: strict),
    ]
)
