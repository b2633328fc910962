import Foundation
import Testing
import YAMLDocument

/// The recorded results of the workflows in the repository.
@Suite struct RecordedResultTests {
    @Test("every final structure that a recorded summary names is recorded")
    func finalStructuresExist() throws {
        let folder = Project.root.appendingPathComponent("workflows").path
        let names = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }
        let summaries = names.filter { $0.hasSuffix("/summary.yaml") && $0.contains("/results/") }
        #expect(summaries.count > 40)
        var finals = 0
        for name in summaries {
            let bytes = try Project.bytes("workflows/\(name)")
            let root = try #require(YAMLNode.parse(bytes).root, "\(name)")
            let job = (name as NSString).deletingLastPathComponent
            for stage in root["stages"]?.elements ?? [] {
                guard let final = stage["final"]?.text else { continue }
                finals += 1
                #expect(
                    FileManager.default.fileExists(atPath: "\(folder)/\(job)/\(final)"), "\(job): \(final)")
            }
        }
        #expect(finals > 40)
    }
}
