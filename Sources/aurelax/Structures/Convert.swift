import ArgumentParser
import Atomistics
import ModelLibrary
import Workflow

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Convert structures from many formats to extxyz.",
        discussion: """
            Reads plain XYZ and extended XYZ as ASE and libAtoms write them, any number of frames, one in \
            memory at a time; all values of the file are kept. Other formats (CIF, POSCAR, PDB, .traj, outputs of \
            ORCA, Gaussian and others, see --format) are read by ASE: elements, positions, cell, fixed atoms, energy \
            and forces are kept, and each frame records its file, its number there and the reader.

              aurelax convert old.xyz new.extxyz
              aurelax convert trajectory.extxyz last.extxyz --frames -1
              aurelax convert trajectory.extxyz - --frames ::10 | less
              aurelax convert CONTCAR molecule.xyz --molecule
            """)

    @Argument(help: "Structure file.", completion: .file())
    var input: String
    @Argument(help: "extxyz file to write, or - for standard output.", completion: .file())
    var output: String
    @Option(
        parsing: .unconditional,
        help: "Frames to convert, as in Python: a number, A:B or A:B:S; negative numbers count from the end.")
    var frames: FrameSelection?
    @OptionGroup var formats: FormatOptions
    @Flag(
        help:
            "Remove the periodic cell of a molecule in a box; refused if bonds cross its boundary."
    )
    var molecule = false

    func run() throws {
        let range = try frames?.range(in: input, format: formats.format)
        var writer = try FrameWriter(output)
        try forEachFrame(in: input, format: formats.format, output: output) { atoms, index in
            guard range?.contains(index) ?? true else { return }
            try writer.write(molecule ? outOfCell(atoms, input) : atoms)
        }
        guard writer.frames > 0 else {
            throw CommandError(.failed, "\(input): --frames selects no frame")
        }
        try writer.finish()
        if output != "-" { printError("\(output): \(writer.frames) frame\(writer.frames == 1 ? "" : "s")") }
    }
}
