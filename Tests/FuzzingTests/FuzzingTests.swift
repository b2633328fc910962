import Fuzzing
import TestTags
import Testing

/// Tests the readers with every file of the corpus (among them files that once broke a reader) and with mutations of
/// these files. The tests run one after the other, because all inputs of a reader go through the same file.
@Suite(.serialized) struct FuzzingTests {
    @Test("Every file of the corpus is read or refused", arguments: FuzzTarget.allCases)
    func corpusIsReadOrRefused(_ target: FuzzTarget) throws {
        let seeds = try target.seeds()
        var accepted = 0
        for bytes in seeds where try target.run(bytes) { accepted += 1 }
        #expect(accepted > 0, "none of the \(seeds.count) files of the corpus is accepted")
    }

    @Test("Mutated job files are refused, never fatal", .tags(.fault24))
    func fault24MutatedJobFiles() throws { try mutate(.job, seed: 24, quick: 1500) }
    @Test("Mutated structures are refused, never fatal", .tags(.fault26))
    func fault26MutatedStructures() throws {
        try mutate(.structure, seed: 11, quick: 5000, full: 1_000_000)
    }
    @Test("Mutated manifest fields are refused, never fatal", .tags(.fault26))
    func fault26MutatedManifestFields() throws { try mutate(.manifest, seed: 26, quick: 1500) }
    @Test("Mutated and signed results are refused, never fatal", .tags(.fault33))
    func fault33MutatedSignedResults() throws { try mutate(.result, seed: 33, quick: 1500) }
    @Test("Mutated results of the inbox are refused, never fatal", .tags(.fault33))
    func fault33MutatedDroppedResults() throws { try mutate(.dropped, seed: 34, quick: 2000) }
    @Test("Mutated and signed models are refused, never fatal", .tags(.fault07))
    func fault07MutatedSignedModels() throws { try mutate(.model, seed: 7, quick: 200) }

    private func mutate(_ target: FuzzTarget, seed: UInt64, quick: Int, full: Int = 100_000) throws {
        var accepted = 0
        for bytes in Mutations(
            of: try target.seeds(), tokens: target.tokens, seed: seed, quick: quick, full: full)
        {
            do {
                if try target.run(bytes) { accepted += 1 }
            } catch let finding as FuzzFinding {
                // Control characters, which a terminal or a log would not show, are written as escapes.
                Issue.record("\(finding)\n\(String(decoding: bytes, as: UTF8.self).debugDescription)")
                return
            }
        }
        #expect(accepted > 0)
    }
}
