import Atomistics
import JobSpec
import TestTags
import Testing

/// A statement in the structure file is followed, or a message says that the job contradicts it.
@Suite struct StructureStatementTests {
    private func report(_ comment: String, job: String = "", columns: String = "", values: String = "") throws
        -> String
    {
        let text =
            "2\nProperties=species:S:1:pos:R:3\(columns) \(comment)\nH 0 0 0 \(values)\nH 0 0 0.9 \(values)\n"
        let atoms = try #require(try ExtXYZ.frames(in: Array(text.utf8), label: "a.xyz").last)
        let file = JobFile(
            Array("aurelax: 1\nstructure: a.xyz\n\(job)\nstages: [{dft: {engine: tblite}}]\n".utf8),
            file: "j.yaml")
        try #require(file.job != nil, "\(file.report)")
        return file.report(file.problems(with: atoms))
    }

    @Test("A charge in the structure but not in the job is refused", .tags(.fault36))
    func fault36Charge() throws {
        #expect(try report("charge=-1").contains("error: the structure says that its charge (charge) is -1"))
        #expect(try report("charge=-1", job: "charge: 1").contains("warning: the structure says"))
        #expect(try !report("charge=2", job: "charge: 2").contains("structure says"))
        #expect(try !report("charge=0").contains("structure says"))
    }

    @Test("Unpaired electrons, other units and foreign constraints are reported", .tags(.fault36))
    func fault36SpinUnitsConstraints() throws {
        #expect(try report("multiplicity=3").contains("error: the structure says multiplicity=3"))
        #expect(try report("units=bohr").contains("error: the structure says units=bohr"))
        #expect(try report("multiplicity=1 units=Angstrom").isEmpty)
        #expect(try report("", columns: ":fixed:L:1", values: "T").contains("‘fixed’ has no effect"))
    }
}
