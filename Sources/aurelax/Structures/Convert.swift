import ArgumentParser
import Atomistics
import ModelLibrary
import Workflow

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read XYZ or extxyz, write extxyz; nothing the file says is lost.",
        discussion: """
            Reads plain XYZ and extended XYZ as ASE and libAtoms write them, any number of frames, one in \
            memory at a time.

              aurelax convert old.xyz new.extxyz
              aurelax convert trajectory.extxyz last.extxyz --frames -1
              aurelax convert trajectory.extxyz - --frames ::10 | less
            """)

    @Argument(help: "XYZ or extxyz file.", completion: .file())
    var input: String
    @Argument(help: "extxyz file to write, or - for standard output.", completion: .file())
    var output: String
    @Option(
        parsing: .unconditional,
        help: "Which frames, as in Python: a number, A:B or A:B:S; negative numbers count from the end.")
    var frames: FrameSelection?

    func run() throws {
        let range = try frames?.range(in: input)
        var writer = try FrameWriter(output)
        try forEachFrame(in: input, output: output) { atoms, index in
            if range?.contains(index) ?? true { try writer.write(atoms) }
        }
        guard writer.frames > 0 else {
            throw CommandError(.failed, "\(input): no frame is among those that --frames asks for")
        }
        try writer.finish()
        if output != "-" { printError("\(output): \(writer.frames) frame\(writer.frames == 1 ? "" : "s")") }
    }
}
