/// What each target may import, written once as data.
///
/// `modules` are targets of this package that stand directly beneath; what these may import themselves is allowed too
/// (C modules excepted: only the target that wraps one may see it). `external` are modules of other packages and of
/// the toolchain, and are never inherited.
struct Layer {
    let modules: Set<String>
    let external: Set<String>

    init(_ modules: Set<String>, external: Set<String> = []) {
        self.modules = modules
        self.external = external
    }
}

/// The arrows of `docs/architecture.md`.
enum Architecture {
    static let layers: [String: Layer] = [
        "VPNFormats": Layer([]),
        "VPNProtocol": Layer(["VPNFormats"]),
        "ClusterCore": Layer(
            ["VPNFormats"],
            external: ["Crypto", "CryptoExtras", "SwiftASN1", "X509", "Foundation", "FoundationEssentials"]),
        "ClusterOperations": Layer(
            ["ClusterCore"], external: ["Configuration", "Foundation", "FoundationEssentials", "Glibc"]),
        "StorageSQL": Layer(
            ["ClusterCore"],
            external: ["CoreMetrics", "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Synchronization"]),
        "StorageSQLite": Layer(
            ["StorageSQL", "CSQLite"], external: ["Foundation", "FoundationEssentials", "Glibc", "Synchronization"]),
        "StorageMySQL": Layer(["StorageSQL", "CMariaDB"], external: ["Foundation", "Glibc", "Synchronization"]),
        "StoragePostgres": Layer(["StorageSQL", "CPostgres"], external: ["Glibc", "Synchronization"]),
        "StorageBackends": Layer(["StorageSQLite", "StorageMySQL", "StoragePostgres"]),
        "StorageCheck": Layer(["StorageBackends", "SQLDriverTestKit"], external: ["Synchronization"]),
        "StorageTestKit": Layer(["ClusterCore"], external: ["Dispatch", "Synchronization"]),
        "SQLDriverTestKit": Layer(
            ["StorageSQL", "StorageTestKit"], external: ["Foundation", "Glibc", "Synchronization"]),
        "VPNEngine": Layer(["VPNProtocol", "COpenSSL", "CLinuxIO"], external: ["Glibc", "Synchronization"]),
        "NodeRuntime": Layer(
            ["ClusterCore", "VPNEngine"],
            external: [
                "Foundation", "FoundationEssentials", "Glibc", "Logging", "CoreMetrics", "ServiceLifecycle",
                "Synchronization",
            ]),
        "asnode": Layer(
            ["NodeRuntime", "ClusterOperations", "StorageBackends", "StorageCheck"],
            external: [
                "ArgumentParser", "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Logging",
                "ServiceLifecycle", "Synchronization", "UnixSignals",
            ]),
        "SimulationKit": Layer(["ClusterCore", "VPNProtocol"]),
    ]

    /// Modules that are C, whose headers only the target that wraps them may see.
    static let cModules: Set<String> = ["CSQLite", "CMariaDB", "CPostgres", "COpenSSL", "CLinuxIO"]

    /// Targets where time, randomness and I/O are parameters.
    static let pureTargets: Set<String> = ["VPNFormats", "VPNProtocol", "ClusterCore", "SimulationKit"]

    /// Every module that `target` may import.
    static func allowedImports(of target: String) -> Set<String> {
        guard let layer = layers[target] else { return [] }
        return layer.external.union(layer.modules).union(reachable(from: target).subtracting(cModules))
    }

    /// Every module of this package below `target`, C modules included.
    static func reachable(from target: String) -> Set<String> {
        var seen: Set<String> = []
        var open = Array(layers[target]?.modules ?? [])
        while let module = open.popLast() {
            guard seen.insert(module).inserted else { continue }
            open.append(contentsOf: layers[module]?.modules ?? [])
        }
        return seen
    }
}
