import Atomistics
import DurableFiles
import Foundation
import Fuzzing
import Handoff
import JobSpec
import SystemPackage
import TestTags
import Testing

/// Faults 26 and 33: any returned bytes are accepted or refused without a crash, and a changed result is never accepted
/// as the original one.
@Suite struct MutatedFileTests {
    private let package: HandoffPackage
    private let sample: ResultSample

    init() throws {
        package = try HandoffPackage(Samples.request())
        sample = ResultSample(of: package)
    }

    private static let tokens = [
        "null", "-1", "1e999", "9223372036854775808", "{}", "[", "\"", "\\u0000", "true",
    ]

    @Test("Mutated manifests are refused, never fatal", .tags(.fault26))
    func fault26MutatedManifests() throws {
        let scratch = try Scratch()
        let directory = try scratch.publish(package)
        let manifest = try #require(package.bytes("MANIFEST.json"))
        let path = directory.path.appending("MANIFEST.json").string
        var accepted = 0
        for bytes in Mutations(of: [manifest], tokens: Self.tokens, seed: 26, quick: 1500) {
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            guard let read = try? PackageCheck.verify(directory) else { continue }
            // The mutation changed only a text or the space between two keys, so the inputs must be those that were
            // sent.
            #expect(read.inputs == package.manifest.inputs)
            accepted += 1
            #expect(throws: PackageRefusal.notPublished) {
                guard bytes != manifest else { throw PackageRefusal.notPublished }
                _ = try PackageCheck.verify(directory) { $0 == package.digest }
            }
        }
        #expect(accepted > 0)
    }

    @Test("Mutated results are refused, never fatal", .tags(.fault33)) func fault33MutatedResults() throws {
        let whole = try sample.files
        let names = whole.keys.sorted { $0.rawValue < $1.rawValue }
        for (number, name) in names.enumerated() {
            let original = try #require(whole[name])
            for bytes in Mutations(
                of: [original], tokens: Self.tokens, seed: UInt64(number), quick: 400)
            {
                var files = whole
                files[name] = bytes
                guard let result = try? ReturnedResult(files, expecting: package.expectation) else {
                    continue
                }
                // Files with a checksum must be unchanged. Only in the marker, which has none, may a space differ.
                #expect(bytes == original || name == .done)
                #expect(result.final?.positions == sample.frames.last?.positions)
            }
        }
    }
}
