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

    /// Returns true for a job file with placeholders.
    private static func isTemplate(_ path: String) -> Bool {
        (try? String(contentsOfFile: path, encoding: .utf8))?.contains("${name}") ?? false
    }

    /// Returns true for a file directly in workflows/, where commands find it by name.
    private static func hasName(_ path: String) -> Bool {
        path.split(separator: "/").dropLast().last == "workflows"
    }

    /// Each template gives a valid job for a ring.
    @Test("Every workflow is valid") func everyTemplateIsGood() async throws {
        let spool = try Spool()
        #expect(
            try await Program.run(["build", "ring", "--n", "4", "-o", "ring4.xyz"], in: spool.path).status
                == 0)
        let templates = Self.files(".yaml").filter(Self.isTemplate)
        #expect(templates.count >= 5)
        for template in templates {
            let name = Self.hasName(template) ? template.split(separator: "/").last?.dropLast(5) : nil
            let result = try await Program.run(
                [
                    "submit", "ring4.xyz", "--workflow", name.map(String.init) ?? template, "--name", "mine",
                    "--set", name == nil ? "dft.fmax=0.07" : "fmax=0.07", "--dry-run",
                ],
                spool: spool.path, in: spool.path)
            #expect(result.status == 0, "\(result.errors)")
            #expect(
                result.output.contains("name: mine\n") && result.output.contains("fmax: 0.07\n"),
                "\(result.output)")
        }
    }

    /// Each job is checked together with its structure, as the daemon does when the job arrives. Isomer T has no
    /// structure yet.
    @Test("Every job file is valid") func everyJobIsGood() async throws {
        let jobs = Self.files(".yaml").filter {
            !$0.contains("/results/") && !$0.contains("/soap-scan/") && !Self.isTemplate($0)
        }
        #expect(jobs.count > 45)
        for job in jobs {
            let result = try await Program.run(["validate", job])
            if job.hasSuffix("/au38t.yaml") {
                #expect(result.status == 1 && result.errors.contains("au38t.xyz: cannot be read"))
            } else if job.hasSuffix("/sch3-sevennet.yaml") {
                // The engine of this job is described in the spool's aurelax.yaml, which the check does not see.
                #expect(result.status == 1 && result.errors.contains("no engine ‘sevennet’"))
            } else {
                #expect(result.status == 0, "\(job): \(result.errors)")
            }
        }
    }

    /// The recorded jobs of each structure are compared: the table has their last energies, and the figures are drawn.
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
                // The last energy in the summary is that of the last DFT stage.
                if let energy = summary.matches(of: /\n    energy: (-[0-9.]+)/).last.flatMap({ Double($0.1) })
                {
                    // The energies in an optimiser's log have only six decimals.
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

    /// The files of each experiment exist and are valid.
    @Test(
        "Job files of experiments are valid",
        arguments: [
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
