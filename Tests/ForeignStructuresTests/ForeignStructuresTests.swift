import Atomistics
import Foundation
import ForeignStructures
import Testing

@Suite struct ForeignStructuresTests {
    private static let python = ProcessInfo.processInfo.environment["AURELAX_PYTHON"] ?? "python3"
    private static var hasPython: Bool {
        ProcessInfo.processInfo.environment["AURELAX_PYTHON"].map(FileManager.default.isExecutableFile)
            ?? false
    }

    @Test(
        "The file name determines the format",
        arguments: [
            ("a.xyz", StructureFormat.native), ("a.extxyz", .native), ("a.dat", .native), ("a", .native),
            ("a.xyz.gz", .foreign("extxyz")), ("a.dat.gz", .native), ("a.cif", .foreign("cif")),
            ("A.CIF.gz", .foreign("cif")),
            ("POSCAR", .foreign("vasp")), ("x/CONTCAR_2", .foreign("vasp")), ("positions", .native),
            ("OUTCAR.xz", .foreign("vasp-out")), ("a.mol2", .foreign("mol2")),
            ("coord", .foreign("turbomole")),
            ("run.orca-output", .foreign("orca-output")), ("gpaw.gpaw-out.gz", .foreign("gpaw-out")),
            ("a.out", .programOutput), ("a.log", .programOutput), ("gpaw.txt", .programOutput),
        ]) func nameTellsFormat(file: String, format: StructureFormat)
    {
        #expect(StructureFormat(file: file) == format)
    }

    @Test("Formats have names") func formatsAreNamed() {
        #expect(StructureFormat(named: "orca-output") == .foreign("orca-output"))
        #expect(StructureFormat(named: "pdb") == .foreign("proteindatabank"))
        #expect(StructureFormat(named: "extxyz") == .native)
        #expect(StructureFormat(named: "docx") == nil)
    }

    private static let poscar = """
        gold chloride
        1.0
        10 0 0
        0 10 0
        0 0 10
        Au Cl
        1 1
        Selective dynamics
        Cartesian
        5 5 5 F F F
        5 5 7.3 T T T

        """

    @Test("A POSCAR keeps its cell and fixed atoms", .enabled(if: hasPython))
    func poscarKeepsCellAndFixedAtoms() throws {
        let converter = StructureConverter(python: Self.python)
        let converted = try converter.read(
            Array(Self.poscar.utf8), named: "CONTCAR", format: "vasp", frames: .last)
        let atoms = try #require(try ExtXYZ.frames(in: converted.bytes, label: "CONTCAR").first)
        #expect(atoms.formula == "AuCl" || atoms.formula == "ClAu")
        #expect(atoms.moveMask == [false, true] && atoms.periodicity == .all && converted.frames == 1)
        #expect(atoms.origin == "CONTCAR" && atoms.reader == "ASE \(converted.version) vasp")
        let molecule = try atoms.takenOutOfCell()
        #expect(
            !molecule.periodicity.isPeriodic && molecule.cell == nil && molecule.positions == atoms.positions)
    }

    /// The MOL2 file has two records. The second one lacks the gold atom of the first.
    @Test("Every frame of MOL2 and SDF files is read", .enabled(if: hasPython)) func everyFrameOfMOL2AndSDF()
        throws
    {
        let converter = StructureConverter(python: Self.python)
        let mol2 = ["Au", "S.3"].map {
            "@<TRIPOS>MOLECULE\nx\n 2\n@<TRIPOS>ATOM\n 1 A1 0 0 0 \($0)\n 2 H1 0 0 1.5 H\n@<TRIPOS>BOND\n 1 1 2 1\n"
        }.joined()
        let frames = try ExtXYZ.frames(
            in: converter.read(Array(mol2.utf8), named: "a.mol2", format: "mol2", frames: .all).bytes,
            label: "a")
        #expect(frames.map(\.elements) == [[.gold, .hydrogen], [.sulfur, .hydrogen]])
        let record =
            "x\n  test\n\n  2  1  0  0  0  0  0  0  0  0999 V2000\n"
            + "    0.0000    0.0000    0.0000 S   0  0\n    0.0000    0.0000    1.3400 H   0  0\n  1  2  1  0\nM  END\n"
        let sdf = try converter.read(
            Array((record + "$$$$\n" + record + "$$$$\n").utf8), named: "a.sdf", format: "sdf", frames: .last)
        #expect(sdf.frames == 2)
        #expect(try ExtXYZ.frames(in: sdf.bytes, label: "a").map(\.elements) == [[.sulfur, .hydrogen]])
    }

    @Test("The output of xtb is read", .enabled(if: hasPython)) func outputOfXTB() throws {
        let output =
            "      x T B\n\n================\n final structure:\n================\n2\n xtb: 6.6.1\n"
            + "S 0 0 0\nH 0 0 1.34\n\n Bond Distances\n"
        let converter = StructureConverter(python: Self.python)
        let converted = try converter.read(
            Array(output.utf8), named: "xtb.out", format: "xtb-output", frames: .last)
        #expect(
            try ExtXYZ.frames(in: converted.bytes, label: "xtb.out").map(\.elements) == [
                [.sulfur, .hydrogen]
            ])
        #expect(StructureFormat.signature(output.utf8) == "xtb-output")
    }

    /// Returns the text that GPAW prints for one geometry since version 26.
    private static func gpawGeometry(_ z: Double, _ rest: String) -> String {
        """
        Atoms  # Å, Bohr magnetons
        |   | symbol |        x |        y |        z |    initial magnetic moments |
        |---|--------|----------|----------|----------|-----------------------------|
        | 0 |      S | 0.000000 | 0.000000 | 0.000000 | ( 0.0000,  0.0000,  0.0000) |
        | 1 |      H | 0.000000 | 0.000000 | \(z) | ( 0.0000,  0.0000,  0.0000) |


        Unit cell  # Å
        | periodic |        x |        y |        z |  lengths |    angles |
        |----------|----------|----------|----------|----------|-----------|
        |       no | 7.000000 | 0.000000 | 0.000000 | 7.000000 | 90.000000 |
        |       no | 0.000000 | 7.000000 | 0.000000 | 7.000000 | 90.000000 |
        |       no | 0.000000 | 0.000000 | 7.000000 | 7.000000 | 90.000000 |

        \(rest)

        """
    }

    /// The output has the first geometry twice, and its last calculation was interrupted.
    @Test("The output of GPAW is read", .enabled(if: hasPython)) func outputOfGPAW() throws {
        let logo = "  __  _  _\n | _ |_)|_||  |\n |__||  | ||/\\| - 26.7.0\n"
        let done = """
              Free energy:     -11.100000
              Extrapolated:    -11.000000

            Forces  # eV/Ang
            |        x |        y |        z |
            |----------|----------|----------|
            | -0.50000 |  0.00000 |  1.25000 |  # S    0
            |  0.50000 |  0.00000 | -1.25000 |  # H    1

            """
        let output =
            logo + Self.gpawGeometry(1.34, "") + Self.gpawGeometry(1.34, done) + Self.gpawGeometry(1.36, "")
        let converter = StructureConverter(python: Self.python)
        let frames = try ExtXYZ.frames(
            in: converter.read(Array(output.utf8), named: "gpaw.txt", format: "gpaw-out", frames: .all).bytes,
            label: "gpaw.txt")
        #expect(frames.map(\.elements) == [[.sulfur, .hydrogen], [.sulfur, .hydrogen]])
        #expect(frames.map { $0.positions[1].z } == [1.34, 1.36])
        #expect(frames.map(\.energy) == [-11.0, nil])
        #expect(frames[0].forces?[0] == SIMD3(-0.5, 0, 1.25) && !frames[0].periodicity.isPeriodic)
        #expect(StructureFormat.signature(output.utf8) == "gpaw-out")
        #expect {
            try converter.read(
                Array((logo + "Atoms  # Å\n|a|\n|-|\n| 0 | S |\n").utf8), named: "gpaw.txt",
                format: "gpaw-out",
                frames: .all)
        } throws: { "\($0)".contains("not a row of 5 values") }
    }

    /// The outputs contain only the lines that ASE's readers need.
    @Test("The outputs of ORCA and Gaussian are read", .enabled(if: hasPython))
    func outputsOfORCAAndGaussian() throws {
        let rows = [("S", 16, 0.0, 0.103135), ("H", 1, 0.974269, -0.825083), ("H", 1, -0.974269, -0.825083)]
        let orca =
            "      * O   R   C   A *\nNumber of atoms                             ...      3\n\n"
            + "---------------------------------\nCARTESIAN COORDINATES (ANGSTROEM)\n---------------------------------\n"
            + rows.map { "  \($0.0)      0.000000    \($0.2)    \($0.3)\n" }.joined()
            + "\nFINAL SINGLE POINT ENERGY      -398.650000000000\n\n"
            + "                 ****ORCA TERMINATED NORMALLY****\n"
        let rule = " " + String(repeating: "-", count: 69) + "\n"
        let gaussian =
            " Entering Gaussian System, Link 0=g16\n                          Input orientation:\n" + rule
            + " Center     Atomic      Atomic             Coordinates (Angstroms)\n"
            + " Number     Number       Type             X           Y           Z\n" + rule
            + rows.enumerated().map { "  \($0 + 1)  \($1.1)  0  0.000000  \($1.2)  \($1.3)\n" }.joined()
            + rule
            + " SCF Done:  E(RB3LYP) =  -399.385000000     A.U. after   10 cycles\n"
        let converter = StructureConverter(python: Self.python)
        for (format, output, hartree) in [
            ("orca-output", orca, -398.65), ("gaussian-out", gaussian, -399.385),
        ] {
            #expect(StructureFormat.signature(output.utf8) == format)
            let read = try converter.read(
                Array(output.utf8), named: "run.out", format: format, frames: .last)
            let atoms = try #require(try ExtXYZ.frames(in: read.bytes, label: "run.out").last)
            #expect(atoms.elements == [.sulfur, .hydrogen, .hydrogen])
            #expect(abs((atoms.energy ?? 0) / hartree - 27.2114) < 0.001, "\(format)")
        }
    }

    @Test("A damaged file gives an error message", .enabled(if: hasPython)) func damagedFileSaysSo() throws {
        let converter = StructureConverter(python: Self.python)
        #expect {
            try converter.read(Array("nothing".utf8), named: "a.cif", format: "cif", frames: .last)
        } throws: { "\($0)".hasPrefix("a.cif: error: cannot be read as cif file: ") }
    }

    @Test("Without Python the message says what to install") func missingPythonSaysWhatToInstall() throws {
        let converter = StructureConverter(python: "/nowhere/python")
        #expect {
            try converter.read(Array(Self.poscar.utf8), named: "CONTCAR", format: "vasp", frames: .last)
        } throws: { error in
            let text = "\(error)"
            return text.hasPrefix("CONTCAR: error: a vasp file needs Python with ASE")
                && text.contains("AURELAX_PYTHON")
        }
    }

    @Test("A molecule cut by its box is refused") func cutMoleculeIsRefused() {
        let atoms = Atoms(
            elements: [.sulfur, .hydrogen], positions: [SIMD3(0.2, 5, 5), SIMD3(9.0, 5, 5)],
            cell: Cell(SIMD3(10, 0, 0), SIMD3(0, 10, 0), SIMD3(0, 0, 10)), periodicity: .all)
        #expect { try atoms.takenOutOfCell() } throws: { "\($0)".hasPrefix("1 bond crosses") }
    }
}
