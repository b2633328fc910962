import Foundation
import SystemPackage
import Testing

/// Structures in other programs' formats, through the real programs.
@Suite(.enabled(if: Available.python)) struct FormatTests {
    private static let contcar = """
        gold chloride
        1.0
        10 0 0
        0 10 0
        0 0 10
        Au Cl
        1 1
        Cartesian
        5 5 5
        5 5 7.3

        """
    private static let mol2 =
        "@<TRIPOS>MOLECULE\nhydrogen sulfide\n 3\n@<TRIPOS>ATOM\n 1 S1 0 0 0 S.3\n 2 H1 1.34 0 0 H\n"
        + " 3 H2 -0.05 1.34 0 H\n"
    private static let stages = "stages:\n  - dft: {engine: tblite}\n"

    @Test("A molecule in a box is converted") func boxedMolecule() async throws {
        let spool = try Spool()
        try Self.contcar.write(toFile: spool.path.string + "/CONTCAR", atomically: true, encoding: .utf8)
        let result = try await Program.run(["convert", "CONTCAR", "-", "--molecule"], in: spool.path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("origin=CONTCAR") && result.output.contains("pbc=\"F F F\""))
        #expect(!result.output.contains("Lattice"), "\(result.output)")
    }

    /// Several jobs go into the inbox only if all of them are valid. A molecule's box is removed if the user asks for
    /// it.
    @Test("Several jobs are submitted at once") func severalJobs() async throws {
        let spool = try Spool()
        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: "\(spool.path)/\(name)", atomically: true, encoding: .utf8)
        }
        try write("CONTCAR", Self.contcar)
        try write("s.mol2", Self.mol2)
        try write("a.yaml", "aurelax: 1\nstructure: CONTCAR\n\(Self.stages)")
        try write("b.yaml", "aurelax: 1\nstructure: s.mol2\n\(Self.stages)")
        let boxed = try await Program.run(["submit", "a.yaml", "b.yaml"], spool: spool.path, in: spool.path)
        #expect(boxed.status == 1 && boxed.errors.contains("--molecule"), "\(boxed.errors)")
        #expect(boxed.errors.contains("1 of 2 jobs") && spool.files("inbox").isEmpty, "\(boxed.errors)")
        let good = try await Program.run(
            ["submit", "a.yaml", "b.yaml", "--molecule"], spool: spool.path, in: spool.path)
        #expect(good.status == 0, "\(good.errors)")
        #expect(good.errors.contains("s.mol2: H2S, read by ASE "), "\(good.errors)")
        #expect(spool.files("inbox") == ["a.xyz", "a.yaml", "b.xyz", "b.yaml"])
        #expect(spool.text("inbox/b.xyz")?.contains("origin=s.mol2") == true)
    }

    @Test("A structure of another format in the inbox is read") func foreignStructure() async throws {
        let spool = try Spool()
        try spool.drop("s.mol2", Self.mol2)
        try spool.drop("good.yaml", "aurelax: 1\nstructure: s.mol2\n\(Self.stages)")
        let daemon = try await Program.run(["daemon", "--once", "--settle", "0.1"], spool: spool.path)
        #expect(daemon.status == 0, "\(daemon.errors)")
        #expect(spool.text("outbox/good/job.log")?.contains("the structure s.mol2 was read by ASE ") == true)
        #expect(try await spool.status(of: "good")?.state == "waiting-for-dft")
    }

    private static let xtb =
        "      x T B\n\n================\n final structure:\n================\n3\n xtb: 6.5.1\n"
        + "S 0 0 0\nH 1.34 0 0\nH -0.05 1.34 0\n\n"

    /// The format of a program's output is given with `--format`; in the inbox, the suffix of the file's name gives it.
    @Test("Program outputs are structures of jobs") func outputsInJobs() async throws {
        let spool = try Spool()
        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: "\(spool.path)/\(name)", atomically: true, encoding: .utf8)
        }
        try write("xtb.out", Self.xtb)
        try write("a.yaml", "aurelax: 1\nstructure: xtb.out\n\(Self.stages)")
        let plain = try await Program.run(["submit", "a.yaml"], spool: spool.path, in: spool.path)
        #expect(plain.status == 1 && plain.errors.contains("--format xtb-output"), "\(plain.errors)")
        let good = try await Program.run(
            ["submit", "a.yaml", "--format", "xtb-output"], spool: spool.path, in: spool.path)
        #expect(good.status == 0 && good.errors.contains("xtb.out: H2S, read by ASE "), "\(good.errors)")
        try spool.drop("run.xtb-output", Self.xtb)
        try spool.drop("b.yaml", "aurelax: 1\nstructure: run.xtb-output\n\(Self.stages)")
        let daemon = try await Program.run(["daemon", "--once", "--settle", "0.1"], spool: spool.path)
        #expect(daemon.status == 0, "\(daemon.errors)")
        #expect(spool.text("outbox/b/job.log")?.contains("run.xtb-output was read by ASE ") == true)
        #expect(try await spool.status(of: "a")?.state == "waiting-for-dft")
    }

    /// The format of a program's output is not guessed. The error message names the likely format.
    @Test("Program outputs need --format") func outputFormats() async throws {
        let spool = try Spool()
        let path = spool.path.string + "/run.out"
        try "      * O   R   C   A *\n".write(toFile: path, atomically: true, encoding: .utf8)
        let result = try await Program.run(["convert", path, "-"])
        #expect(result.status == 1 && result.errors.contains("--format orca-output"), "\(result.errors)")
        let unknown = try await Program.run(["convert", path, "-", "--format", "docx"])
        #expect(unknown.status == 2 && unknown.errors.contains("'docx' is unknown"), "\(unknown.errors)")
    }
}
