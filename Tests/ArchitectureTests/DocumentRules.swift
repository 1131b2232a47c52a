import Foundation
import Testing

@Suite("Document rules")
struct DocumentRules {
    @Test("every link between documents leads to a file that is there")
    func links() throws {
        var count = 0
        for file in try Repository.readableFiles() where file.path.hasSuffix(".md") {
            let folder = Repository.root.appendingPathComponent(file.path).deletingLastPathComponent()
            for link in relativeLinks(in: file) {
                count += 1
                let target = folder.appendingPathComponent(link)
                #expect(FileManager.default.fileExists(atPath: target.path), "\(file.path) links to \(link)")
            }
        }
        #expect(count > 10, "the documents were not found")
    }

    @Test("every decision stands in the index of decisions")
    func decisionsAreIndexed() throws {
        let folder = Repository.root.appendingPathComponent("docs/adr")
        let index = try String(contentsOf: folder.appendingPathComponent("README.md"), encoding: .utf8)
        let decisions = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0 != "README.md" }
        #expect(decisions.count >= 10)
        for decision in decisions { #expect(index.contains("(\(decision))"), "\(decision)") }
    }

    @Test("a link is told from an address on the web")
    func linksAreFound() {
        let text = "[a](b.md) [c](https://example.com) [d](e/f.md#part) [g](#here)"
        #expect(relativeLinks(in: SourceText(path: "x.md", text: text)) == ["b.md", "e/f.md"])
    }

    private func relativeLinks(in file: SourceText) -> [String] {
        file.text.matches(of: /\]\(([^)#\s]+)[^)]*\)/).map { String($0.1) }.filter { !$0.contains("://") }
    }
}
