import Engines
import Foundation
import JobSpec
import Slurm
import Testing
import Workflow
import YAMLDocument

@Suite struct SpoolConfigurationTests {
    private func read(_ text: String) -> SpoolConfigurationFile {
        SpoolConfigurationFile(Array(text.utf8), file: "aurelax.yaml")
    }

    private static let example = """
        aurelax: 1
        dft: {executor: slurm, python: /apps/gpaw/bin/python, mpiexec: srun}
        ml: {executor: slurm, program: /apps/aurelax, models: /apps/models, time: 60, memory: 4G, cpus: 4}
        slurm:
          partition: long
          account: p123
          time: 24:00:00
          tasks: 8
          memory: 16G
          setup: [module load gpaw]
          options: [--exclusive]
          limits: {time: 3-0, memory: 128G, tasks: 64}
          max_queued: 50
          array_throttle: 7
          rules:
            - {min_atoms: 100, tasks: 32, memory: 64G}
            - {mode: fd, time: 48:00:00}
            - {engine: tblite, tasks: 1, memory: 2G, time: 30}
            - {kind: ml, min_atoms: 150, memory: 8G, cpus: 16}
        """

    private func stage(_ text: String) throws -> DFTStage {
        let file = JobFile(
            Array("aurelax: 1\nname: a\nstructure: a.xyz\nstages: [{dft: \(text)}]\n".utf8), file: "a.yaml")
        guard case .dft(let stage) = try #require(file.job, "\(file.report)").stages[0] else {
            throw NoStage()
        }
        return stage
    }

    private struct NoStage: Error {}

    @Test("Every key is read") func everyKeyIsRead() throws {
        let configuration = try #require(read(Self.example).configuration)
        #expect(configuration.executor == .slurm && configuration.mpiexec == "srun")
        #expect(configuration.python == "/apps/gpaw/bin/python")
        let slurm = configuration.slurm
        #expect((slurm.setup, slurm.options) == (["module load gpaw"], ["--exclusive"]))
        #expect((slurm.resources.partition, slurm.resources.account) == ("long", "p123"))
        #expect(
            slurm.resubmission.limits.time == 259_200 && slurm.maxQueued == 50 && slurm.arrayThrottle == 7)
        let ml = configuration.ml
        #expect((ml.executor, ml.program, ml.models) == (.slurm, "/apps/aurelax", "/apps/models"))
        #expect(try #require(read("aurelax: 1\n").configuration) == SpoolConfiguration())
    }

    /// The general values apply first. Rules that match the stage then override them one after the other, and the job's
    /// own values override all.
    @Test("Rules match stages by kind, size and engine") func rules() throws {
        let slurm = try #require(read(Self.example).configuration).slurm
        func resources(_ text: String, atoms: Int) throws -> [Int?] {
            let request = slurm.resources(for: try stage(text), atoms: atoms)
            return [request.time, request.tasks, request.memory]
        }
        #expect(try resources("{}", atoms: 99) == [86400, 8, 16 << 10])
        #expect(try resources("{}", atoms: 100) == [86400, 32, 64 << 10])
        #expect(try resources("{mode: fd}", atoms: 100) == [172_800, 32, 64 << 10])
        #expect(try resources("{engine: tblite}", atoms: 200) == [1800, 1, 2 << 10])
        #expect(
            try resources("{resources: {time: 90, tasks: 4}}", atoms: 100) == [5400, 4, 64 << 10])
        let big = slurm.resources(for: try stage("{resources: {memory: 1T, tasks: 65}}"), atoms: 1)
        #expect(
            slurm.resubmission.limits.excesses(of: big) == [
                "tasks 65, above the limit of 64", "memory 1024G, above the limit of 128G",
            ])
    }

    /// An ML stage is one process, so the nodes, tasks and rules for packages do not apply to it.
    @Test("An ML stage gets its own resources") func whatAnMLStageAsksFor() throws {
        let configuration = try #require(read(Self.example).configuration)
        let small = configuration.slurm.resources(for: configuration.ml, atoms: 149)
        #expect((small.partition, small.account, small.tasks, small.nodes) == ("long", "p123", 1, nil))
        #expect((small.time, small.memory, small.cpus) == (3600, 4 << 10, 4))
        let big = configuration.slurm.resources(for: configuration.ml, atoms: 150)
        #expect((big.time, big.memory, big.cpus) == (3600, 8 << 10, 16))
        #expect(configuration.slurm.resources(for: try stage("{}"), atoms: 150).cpus == nil)
    }

    @Test(
        "Mistakes are reported with their place",
        arguments: [
            ("aurelax: 2\n", "aurelax.yaml:1:10: error: expected 1, found 2"),
            ("aurelax: 1\nslrum: {}\n", "did you mean ‘slurm’?"),
            ("aurelax: 1\ndft: {executor: sge}\n", "expected one of manual, local, slurm"),
            ("aurelax: 1\nml: {executor: manual}\n", "expected one of local, slurm"),
            ("aurelax: 1\nml: {models: models}\n", "‘models’ is not an absolute path"),
            ("aurelax: 1\nml: {tasks: 2}\n", "aurelax.yaml:2:6: error: "),
            (
                "aurelax: 1\nml: {memory: 2G}\nslurm: {limits: {memory: 1G}}\n",
                "aurelax.yaml:2:14: error: this is above slurm.limits.memory"
            ),
            ("aurelax: 1\nslurm: {time: soon}\n", "‘soon’ is not a time limit"),
            ("aurelax: 1\nslurm: {time: 9999-99:99:99}\n", "‘9999-99:99:99’ is not a time limit"),
            ("aurelax: 1\nslurm: {time: 400-0}\n", "‘400-0’ is not a time limit"),
            ("aurelax: 1\nslurm: {time: \"12:60:00\"}\n", "‘12:60:00’ is not a time limit"),
            ("aurelax: 1\nslurm: {memory: 16}\n", "‘16’ is not an amount of memory"),
            ("aurelax: 1\nslurm: {options: [--array=1-5]}\n", "‘--array’ is set by aurelax"),
            ("aurelax: 1\nslurm: {account: \"a b\"}\n", "has characters that are not allowed in such a name"),
            ("aurelax: 1\nslurm: {setup: [\"a\\nb\"]}\n", "this text has a line break"),
            (
                "aurelax: 1\nslurm:\n  limits: {time: 60}\n  rules:\n    - {time: 61}\n",
                "aurelax.yaml:5:14: error: this is above slurm.limits.time"
            ),
            (
                "aurelax: 1\nslurm:\n  rules:\n    - {min_atoms: 5, max_atoms: 4, tasks: 2}\n",
                "4 is below min_atoms, 5, so the rule matches no structure"
            ),
        ])
    func mistakesHaveAPlace(text: String, message: String) {
        let file = read(text)
        #expect(file.configuration == nil)
        #expect(file.report.contains(message), "\(file.report)")
    }

    @Test(
        "Time limits are read",
        arguments: [
            ("90", 5400), ("1:30", 90), ("1:30:00", 5400), ("2-0", 172_800), ("2-12", 216_000),
            ("1-00:30:00", 88200),
        ])
    func times(text: String, seconds: Int) {
        #expect(Resources.seconds(text) == seconds)
    }

    @Test(
        "Wrong time limits are refused",
        arguments: ["", "0", "-1", "1:2:3:4", "a", "1-", "99999999999999999999", "1.5", "UNLIMITED"])
    func noTimes(text: String) {
        #expect(Resources.seconds(text) == nil)
    }

    /// The resources of a job do not change when the job is printed and read again.
    @Test("Resources are written as options of sbatch") func resourcesAreWrittenOut() throws {
        let text =
            "aurelax: 1\nname: a\nstructure: a.xyz\nstages: [{dft: {resources: {partition: p, time: 1-2, nodes: 2, tasks: 3, memory: 4G}}}]\n"
        let job = try #require(JobFile(Array(text.utf8), file: "a.yaml").job)
        let again = JobFile(Array(job.yaml.utf8), file: "a.yaml")
        #expect(again.job == job, "\(again.report)\(job.yaml)")
    }

    @Test("A daemon refuses a wrong configuration") func aDaemonRefusesAWrongOne() async throws {
        let spool = try TestSpool()
        try Data("aurelax: 1\ndft: {executer: slurm}\n".utf8).write(
            to: URL(fileURLWithPath: spool.path + "/aurelax.yaml"))
        let error = await #expect(throws: WorkflowError.self) { try await spool.work() }
        #expect(error?.exitStatus == .usage)
        #expect(
            error?.description.contains("aurelax.yaml:2:7: error: ") == true, "\(String(describing: error))")
    }

    /// The tables in docs/clusters.md and docs/engines.md are those that `aurelax schema config --markdown` prints.
    @Test("Every key is documented", arguments: SpoolConfigurationSchema.tables)
    func everyKeyIsDocumented(name: String, schema: MappingSchema) throws {
        let documents = try ["clusters.md", "engines.md"].map {
            try String(contentsOf: Self.documents.appendingPathComponent($0), encoding: .utf8)
        }
        let table = "\n<!-- \(name) -->\n\(schema.markdown)\n"
        #expect(documents.contains { $0.contains(table) }, "\(table)")
    }

    @Test("Each key is declared with the property that it sets")
    func everyKeySetsAProperty() throws {
        let engine = "{ase: \"tblite.ase:TBLite\", arguments: {method: GFN1-xTB}, threads: 2, timeout: 9}"
        let text = """
            aurelax: 1
            engines: {a: \(engine), b: {command: [./run, "{input}"], input: in.txt, kind: semiempirical}}
            slurm: {interval: 2, timeout: 3, settle: 4, warning: 5, resubmissions: 6, positions: false}
            """
        let read = try #require(self.read(text).configuration)
        #expect((read.slurm.interval, read.slurm.timeout, read.slurm.settle) == (2, 3, 4))
        #expect((read.slurm.warning, read.slurm.resubmission.most, read.slurm.positions) == (5, 6, false))
        let (a, b) = (read.engines[0], read.engines[1])
        #expect((a.name, a.kind, a.threads, a.timeout) == ("a", .semiempirical, 2, 9))
        #expect(
            a.source == .calculator(target: "tblite.ase:TBLite", arguments: #"{"method": "GFN1-xTB"}"#))
        guard case .command(let words, input: let input) = b.source else { throw NoStage() }
        #expect((b.name, b.kind, words[1]) == ("b", .semiempirical, "{input}"))
        #expect(words[0].hasPrefix("/") && words[0].hasSuffix("/run"))
        #expect(input?.hasPrefix("/") == true && input?.hasSuffix("/in.txt") == true)
    }

    @Test("The examples in the document are valid") func theExamplesOfTheDocumentAreConfigurations() throws {
        let document = try String(
            contentsOf: Self.documents.appendingPathComponent("clusters.md"), encoding: .utf8)
        let blocks = document.components(separatedBy: "```yaml\n").dropFirst()
            .compactMap { $0.components(separatedBy: "```").first }
        #expect(!blocks.isEmpty)
        for block in blocks { #expect(read(block).configuration != nil, "\(read(block).report)") }
    }

    private static let documents = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("docs")
}
