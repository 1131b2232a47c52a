// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "JournalStore",
    products: [.library(name: "JournalStore", targets: ["JournalStore"])],
    dependencies: [.package(name: "asnode", path: "../..")],
    targets: [
        .target(
            name: "JournalStore",
            dependencies: [
                .product(name: "ClusterCore", package: "asnode"), .product(name: "VPNFormats", package: "asnode"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "JournalStoreTests",
            dependencies: [
                "JournalStore", .product(name: "ClusterCore", package: "asnode"),
                .product(name: "StorageTestKit", package: "asnode"),
            ],
            swiftSettings: strict),
    ]
)
