import Foundation
import Subprocess
import SystemPackage
import Testing

/// The jobs in workflows/ and their recorded results.
@Suite struct WorkflowFileTests {
    private static let folder = Program.project.appending("workflows").string

    private static func files(_ suffix: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.hasSuffix(suffix) }.sorted().map { "\(folder)/\($0)" }
    }

    /// With its structure, as a user would drop it. Isomer T has no coordinates yet.
    @Test func everyJobIsGood() async throws {
        let jobs = Self.files(".yaml").filter { !$0.contains("/results/") && !$0.contains("/soap-scan/") }
        #expect(jobs.count > 45)
        for job in jobs {
            let result = try await Program.run(["validate", job])
            if job.hasSuffix("/au38t.yaml") {
                #expect(result.status == 1 && result.errors.contains("au38t.xyz: cannot be read"))
            } else {
                #expect(result.status == 0, "\(job): \(result.errors)")
            }
        }
    }

    /// Every recorded job is read again, those of one structure together: a table with its last energy, and figures.
    @Test("Recorded results are compared and drawn") func recordedResults() async throws {
        let spool = try Spool()
        for start in ["ring4", "ring5", "ring6"] {
            let results = Self.folder + "/gold-thiolate-ring/results"
            let names = try FileManager.default.contentsOfDirectory(atPath: results)
                .filter { $0 == start || $0.hasPrefix(start + "-") }.sorted()
            let raw = "\(results)/\(start)-raw"
            let jobs = [raw] + names.map { "\(results)/\($0)" }.filter { $0 != raw }
            let figures = spool.path.appending("figures").string
            let result = try await Program.run(
                ["compare"] + jobs + ["--rmsd-to", raw, "--figures", figures, "--prefix", start + "-"])
            #expect(result.status == 0, "\(result.errors)")
            for name in names {
                let summary = try String(contentsOfFile: "\(results)/\(name)/summary.yaml", encoding: .utf8)
                let row = try #require(
                    result.output.split(separator: "\n").first { $0.hasPrefix("| \(name) |") })
                // The last stage of DFT's energy, as the summary has it.
                if let energy = summary.matches(of: /\n    energy: (-[0-9.]+)/).last.flatMap({ Double($0.1) })
                {
                    // An optimiser's log has six decimals.
                    let cells = row.split(separator: "|").compactMap {
                        Double($0.trimmingCharacters(in: .whitespaces))
                    }
                    #expect(cells.contains { abs($0 - energy) < 1e-4 }, "\(row)")
                }
            }
            for name in ["energy", "rmsd", "structures"] {
                let svg = try #require(spool.text("figures/\(start)-\(name).svg"))
                #expect(svg.contains("\(start)-raw") && !svg.contains("nan"))
            }
        }
    }

    /// Its files exist and are valid, whatever its name.
    @Test(arguments: [
        "rings", "stretched", "hot", "au25", "campaign-ring4", "campaign-ring5", "campaign-ring6",
        "campaign-stretched",
    ])
    func experimentsAreMadeOfGoodJobs(name: String) async throws {
        let script = Program.project.appending("scripts/experiment").string
        let result = try await Subprocess.run(
            .name("bash"), arguments: [script, name, "--dry-run"],
            environment: .inherit.updating([
                "PATH": "\(Program.directory):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
            ]), output: .string(limit: 1 << 20), error: .combinedWithOutput)
        #expect(result.terminationStatus.isSuccess, "\(result.standardOutput)")
        #expect(result.standardOutput.hasPrefix("\(name): "))
    }
}
