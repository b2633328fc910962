import JobSpec
import Testing
import YAMLDocument

@Suite struct TemplateTests {
    private static let text =
        "aurelax: 1\nname: ${name}\nstructure: ${structure}\nstages:\n  - ml: {}\n  - dft: {fmax: ${fmax:-0.05}}\n"
    private static let template = JobTemplate(text, file: "workflows/mine.yaml")

    @Test("Placeholders get values or their defaults") func placeholdersGetValuesOrTheirDefaults() throws {
        #expect(Self.template.placeholders == ["name", "structure", "fmax"])
        let text = try Self.template.text(["name": "a", "structure": "a.xyz"])
        let job = try #require(JobFile(Array(text.utf8), file: "mine.yaml").job)
        guard case .dft(let dft) = job.stages[1] else { return #expect(Bool(false)) }
        #expect(job.name == "a" && dft.fmax == 0.05)
        #expect(
            try Self.template.text(["name": "a", "structure": "b", "fmax": "0.1"]).contains("fmax: 0.1}"))
    }

    @Test("A missing value is reported with its line") func aMissingValueIsNamedWithItsLine() {
        do {
            _ = try Self.template.text(["name": "a"])
            Issue.record("the missing value of structure was not reported")
        } catch {
            #expect(error.description.hasPrefix("workflows/mine.yaml:3: error: ‘${structure}’ has no value"))
            #expect(error.hasPlace)
        }
    }

    private func applied(_ setting: String) throws -> Job {
        let text = try Self.template.text(["name": "a", "structure": "a.xyz"])
        var root = try #require(YAMLNode.parse(Array(text.utf8)).root)
        try #require(JobSetting(setting)).apply(to: &root)
        let read = JobFile(Array(root.yaml.utf8), file: "a.yaml")
        return try #require(read.job, "\(read.report)\(root.yaml)")
    }

    @Test(
        "Settings change the keys that they name",
        arguments: ["stages.1.dft.fmax=0.02", "stages[1].dft.fmax=0.02", "dft.fmax=0.02"])
    func settingsReachTheirPlace(setting: String) throws {
        guard case .dft(let dft) = try applied(setting).stages[1] else { return #expect(Bool(false)) }
        #expect(dft.fmax == 0.02)
    }

    @Test("Settings may have any type") func settingsOfEveryShape() throws {
        #expect(try applied("charge=-1").charge == -1)
        #expect(try applied("after=[b, c]").after == ["b", "c"])
        guard case .ml(let ml) = try applied("ml.fix={elements: [Au]}").stages[0] else {
            return #expect(Bool(false))
        }
        #expect(ml.move.fixed?.elements == ["Au"])
        #expect(JobSetting("fmax") == nil && JobSetting("=1") == nil && JobSetting("a..b=1") == nil)
    }

    @Test(
        "Settings of unknown keys are refused",
        arguments: [
            ("stages.0.dft.fmax=1", "stages.0 is ml, not dft"),
            ("stages.7.dft.fmax=1", "the job has stages.0 to stages.1"),
            ("hybrid.rounds=2", "the job has no hybrid stage"), ("dft.fmax=[", "is not a YAML value"),
            ("name.first=a", "the job has no such key"),
        ])
    func settingsThatMeanNothing(setting: String, message: String) throws {
        do {
            _ = try applied(setting)
            Issue.record("\(setting)")
        } catch let error as JobTemplateError {
            #expect(error.description.contains(message), "\(error)")
        }
    }
}
