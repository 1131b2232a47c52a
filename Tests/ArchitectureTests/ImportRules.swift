import Testing

@Suite("Import rules")
struct ImportRules {
    @Test("every source file imports only what its target's layer allows")
    func layers() throws {
        let sources = try Repository.swiftSources()
        #expect(sources.count >= Architecture.layers.count, "the sources were not found")
        for file in sources {
            for violation in violations(of: file) { Issue.record("\(violation)") }
        }
    }

    @Test("every Swift target has a layer, every layer a target")
    func targetsAreListed() throws {
        let targets = Set(try Repository.swiftSources().compactMap(\.target))
        #expect(targets == Set(Architecture.layers.keys))
    }

    @Test("what a target reaches by other targets is what its layer says", arguments: Architecture.layers.keys.sorted())
    func closure(target: String) throws {
        let sources = try Repository.swiftSources()
        let direct = Dictionary(grouping: sources, by: { $0.target ?? "" })
            .mapValues { Set($0.flatMap { $0.imports.map(\.module) }) }
        var reached: Set<String> = []
        var open = [target]
        while let next = open.popLast() {
            for module in direct[next] ?? [] where reached.insert(module).inserted { open.append(module) }
        }
        let internals = Set(Architecture.layers.keys).union(Architecture.cModules)
        let surplus = reached.intersection(internals).subtracting(Architecture.reachable(from: target))
        #expect(surplus.isEmpty, "\(target) reaches \(surplus.sorted())")
    }

    @Test("the table of layers has no cycle, and keeps engine, protocol and cluster apart")
    func tableIsSound() {
        for target in Architecture.layers.keys {
            #expect(!Architecture.reachable(from: target).contains(target), "\(target) reaches itself")
        }
        let storage: Set = ["ClusterCore", "StorageSQL", "StorageSQLite", "CSQLite"]
        #expect(Architecture.reachable(from: "VPNEngine").isDisjoint(with: storage))
        #expect(Architecture.reachable(from: "VPNProtocol") == ["VPNFormats"])
        #expect(Architecture.reachable(from: "ClusterCore") == ["VPNFormats"])
        #expect(!Architecture.reachable(from: "NodeRuntime").contains("StorageSQL"))
        #expect(Architecture.allowedImports(of: "StorageSQL").isDisjoint(with: Architecture.cModules))
    }

    @Test(
        "an import that a layer forbids is found, in every form of the declaration",
        arguments: [
            "import Glibc", "public import Foundation", "@testable import ClusterCore",
            "import struct Foundation.Data", "internal import  COpenSSL", "@preconcurrency import Dispatch",
            "@_spi(Internal) public import VPNEngine", "    import func Glibc.read",
        ])
    func forbiddenImportIsFound(line: String) {
        let file = SourceText(path: "Sources/VPNProtocol/Sample.swift", text: "// sample\n\(line)\n")
        #expect(violations(of: file).count == 1)
    }

    @Test(
        "an import that a layer allows, and text that only looks like an import, pass",
        arguments: ["public import VPNFormats", "// import Glibc", "let text = \"\"\"\n    import Glibc\n    \"\"\""])
    func allowedImportPasses(text: String) {
        #expect(violations(of: SourceText(path: "Sources/VPNProtocol/Sample.swift", text: text)).isEmpty)
    }

    private func violations(of file: SourceText) -> [String] {
        guard let target = file.target else { return [] }
        let allowed = Architecture.allowedImports(of: target)
        return file.imports.filter { !allowed.contains($0.module) }.map {
            "\(file.path):\($0.line): \(target) may not import \($0.module); "
                + "it may import \(allowed.sorted().joined(separator: ", "))"
        }
    }
}
