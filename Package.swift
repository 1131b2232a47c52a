// swift-tools-version: 6.2
import PackageDescription

/// One set of language rules for every target of the package.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "asnode",
    products: [
        .library(name: "VPNFormats", targets: ["VPNFormats"]),
        .library(name: "ClusterCore", targets: ["ClusterCore"]),
        .library(name: "ClusterOperations", targets: ["ClusterOperations"]),
        .library(name: "StorageSQL", targets: ["StorageSQL"]),
        .library(name: "StorageSQLite", targets: ["StorageSQLite"]),
        .library(name: "StorageMySQL", targets: ["StorageMySQL"]),
        .library(name: "StoragePostgres", targets: ["StoragePostgres"]),
        .library(name: "StorageBackends", targets: ["StorageBackends"]),
        .library(name: "StorageCheck", targets: ["StorageCheck"]),
        .library(name: "StorageTestKit", targets: ["StorageTestKit"]),
        .library(name: "SQLDriverTestKit", targets: ["SQLDriverTestKit"]),
        .library(name: "VPNProtocol", targets: ["VPNProtocol"]),
        .library(name: "VPNEngine", targets: ["VPNEngine"]),
        .library(name: "NodeRuntime", targets: ["NodeRuntime"]),
        .executable(name: "asnode", targets: ["asnode"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C: system libraries and the kernel interfaces that Swift cannot call directly.
        .systemLibrary(
            name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CMariaDB", pkgConfig: "libmariadb", providers: [.apt(["libmariadb-dev"])]),
        .systemLibrary(
            name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(name: "CLinuxIO"),

        // Formats that both sides of the house need. Standard library only.
        .target(name: "VPNFormats", swiftSettings: strict),

        // The cluster: values, store protocols, and the logic over them.
        .target(
            name: "ClusterCore",
            dependencies: [
                "VPNFormats",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: strict),
        .target(
            name: "ClusterOperations",
            dependencies: [
                "ClusterCore", "VPNFormats",
                .product(name: "Configuration", package: "swift-configuration"),
            ],
            swiftSettings: strict),

        // Storage: the stores once in SQL, one driver per database beneath.
        .target(
            name: "StorageSQL",
            dependencies: [
                "ClusterCore",
                .product(name: "CoreMetrics", package: "swift-metrics"),
            ],
            swiftSettings: strict),
        .target(
            name: "StorageSQLite",
            dependencies: ["StorageSQL", "CSQLite"],
            swiftSettings: strict),
        .target(
            name: "StorageMySQL",
            dependencies: ["ClusterCore", "StorageSQL", "CMariaDB"],
            swiftSettings: strict),
        .target(
            name: "StoragePostgres",
            dependencies: ["ClusterCore", "StorageSQL", "CPostgres"],
            swiftSettings: strict),
        // All of them behind one URL.
        .target(
            name: "StorageBackends",
            dependencies: ["ClusterCore", "StorageSQL", "StorageSQLite", "StorageMySQL", "StoragePostgres"],
            swiftSettings: strict),
        // What any backend, and any SQL driver, has to do: plain values that need no test framework.
        .target(
            name: "StorageTestKit",
            dependencies: ["ClusterCore", "VPNFormats"],
            swiftSettings: strict),
        .target(
            name: "SQLDriverTestKit",
            dependencies: ["ClusterCore", "StorageSQL", "StorageTestKit"],
            swiftSettings: strict),
        // The same, run on a database that is in use.
        .target(
            name: "StorageCheck",
            dependencies: ["ClusterCore", "SQLDriverTestKit", "StorageBackends", "StorageSQL", "StorageTestKit"],
            swiftSettings: strict),

        // The OpenVPN protocol without I/O, and the engine that drives it.
        .target(name: "VPNProtocol", dependencies: ["VPNFormats"], swiftSettings: strict),
        .target(
            name: "VPNEngine",
            dependencies: ["VPNProtocol", "VPNFormats", "COpenSSL", "CLinuxIO"],
            swiftSettings: strict + [.strictMemorySafety()]),

        // The composition, and the command line over it.
        .target(
            name: "NodeRuntime",
            dependencies: [
                "ClusterCore", "VPNEngine", "VPNProtocol", "VPNFormats",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "asnode",
            dependencies: [
                "ClusterCore", "ClusterOperations", "NodeRuntime", "StorageBackends", "StorageCheck", "StorageSQL",
                "StorageTestKit", "VPNEngine", "VPNFormats",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),

        // A node in a service of one's own.
        .executableTarget(
            name: "EmbeddedNode",
            dependencies: [
                "ClusterCore", "ClusterOperations", "NodeRuntime", "StorageBackends", "StorageSQL",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Examples/EmbeddedNode",
            swiftSettings: strict),

        // Simulation: virtual clock, seeded randomness, lossy network.
        .target(
            name: "SimulationKit",
            dependencies: ["ClusterCore", "VPNProtocol"],
            swiftSettings: strict),

        // What protocol tests and the fuzzer share: primitives of swift-crypto, seeded randomness, published vectors.
        .target(
            name: "ProtocolTestKit",
            dependencies: [
                "VPNFormats", "VPNProtocol",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            path: "Tests/ProtocolTestKit",
            swiftSettings: strict),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "ClusterCore", "VPNFormats", "VPNProtocol", "ProtocolTestKit", "SimulationKit",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            path: "Fuzz",
            swiftSettings: strict),
        // Database servers for tests and measurements, on loopback.
        .target(name: "DatabaseServers", path: "Tests/DatabaseServers", swiftSettings: strict),
        // Stores under failing servers, networks and processes: `swift run -c release chaos --backend galera`.
        .executableTarget(
            name: "chaos",
            dependencies: [
                "ClusterCore", "DatabaseServers", "StorageBackends", "StorageSQL", "VPNFormats",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Chaos",
            swiftSettings: strict),
        .testTarget(name: "ChaosTests", dependencies: ["chaos"], swiftSettings: strict),
        .testTarget(
            name: "VPNFormatsTests", dependencies: ["VPNFormats", "ProtocolTestKit"], swiftSettings: strict),
        .testTarget(
            name: "ClusterCoreTests",
            dependencies: [
                "ClusterCore", "ProtocolTestKit", "VPNFormats",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "StorageSQLiteTests",
            dependencies: ["ClusterCore", "StorageSQL", "StorageSQLite"],
            swiftSettings: strict),
        .testTarget(
            name: "StorageServerTests",
            dependencies: [
                "ClusterCore", "ClusterOperations", "DatabaseServers", "SQLDriverTestKit", "StorageBackends",
                "StorageMySQL", "StoragePostgres", "StorageSQL", "StorageSQLite", "VPNFormats",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            swiftSettings: strict),
        // A backend written outside of the package: Examples/JournalStore has a manifest of its own. Declared here too,
        // without access to what is not public, so that it is built and tested with the rest.
        .target(
            name: "JournalStore",
            dependencies: ["ClusterCore", "VPNFormats"],
            path: "Examples/JournalStore/Sources/JournalStore",
            packageAccess: false,
            swiftSettings: strict),
        .testTarget(
            name: "JournalStoreTests",
            dependencies: ["ClusterCore", "JournalStore", "StorageTestKit"],
            path: "Examples/JournalStore/Tests/JournalStoreTests",
            packageAccess: false,
            swiftSettings: strict),
        .testTarget(
            name: "StorageConformanceTests",
            dependencies: [
                "ClusterCore", "DatabaseServers", "SQLDriverTestKit", "StorageBackends", "StorageSQL", "StorageSQLite",
                "StorageTestKit",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "VPNProtocolTests",
            dependencies: [
                "VPNProtocol", "VPNFormats", "ProtocolTestKit", "SimulationKit",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "VPNEngineTests",
            dependencies: [
                "VPNEngine", "VPNProtocol", "VPNFormats", "SimulationKit", "CLinuxIO",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: strict),
        // Simulated clients and servers, by the thousand: `swift run -c release simulate`.
        .executableTarget(
            name: "simulate",
            dependencies: ["SimulationKit", "ProtocolTestKit"],
            path: "Simulations",
            swiftSettings: strict),
        // How fast the stores are, beside bare clients of the same libraries: `make bench`.
        .target(
            name: "BareClients", dependencies: ["CSQLite", "CMariaDB", "CPostgres"], path: "Benchmarks/BareClients"),
        .executableTarget(
            name: "storage-bench",
            dependencies: [
                "BareClients", "ClusterCore", "ClusterOperations", "DatabaseServers", "StorageMySQL",
                "StoragePostgres", "StorageSQL", "StorageSQLite", "VPNFormats",
            ],
            path: "Benchmarks/Storage",
            swiftSettings: strict),
        // The smallest embedder of an engine, for tests that kill it.
        .executableTarget(
            name: "engine-probe",
            dependencies: ["VPNEngine", "VPNProtocol", "VPNFormats"],
            path: "Tests/EngineProbe",
            swiftSettings: strict),
        .testTarget(
            name: "SimulationTests", dependencies: ["SimulationKit", "ProtocolTestKit"], swiftSettings: strict),
        // The rules of the house, read off the sources; and real clients against the built program.
        .testTarget(
            name: "ArchitectureTests",
            swiftSettings: strict),
        .testTarget(
            name: "InteropTests",
            dependencies: ["DatabaseServers"],
            swiftSettings: strict),
        .testTarget(
            name: "ClusterOperationsTests",
            dependencies: [
                "ClusterCore", "ClusterOperations", "StorageBackends", "StorageSQL", "VPNFormats",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "NodeRuntimeTests",
            dependencies: [
                "ClusterCore", "ClusterOperations", "NodeRuntime", "StorageSQLite", "VPNEngine", "VPNProtocol",
                "VPNFormats",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(name: "CommandLineTests", dependencies: ["DatabaseServers"], swiftSettings: strict),
    ]
)
