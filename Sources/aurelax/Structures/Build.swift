import ArgumentParser
import Atomistics
import Structures
import ThiolateGold
import Workflow

struct Build: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Build starting structures.", subcommands: [Ring.self, Au25.self, Units.self, Stretch.self])

    struct Ring: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Build a gold–thiolate ring (AuSCH3)n, the paper's starting structure.",
            discussion: "  aurelax build ring --n 4 -o ring4.xyz")

        @Option(name: [.customLong("n"), .customShort("n")], help: "Number of gold atoms, at least 3.")
        var size: Int
        @Option(name: .shortAndLong, help: "extxyz file to write, or - for standard output.")
        var output = "-"

        func validate() throws {
            guard (3...1000).contains(size) else {
                throw ValidationError("a ring has from 3 to 1000 gold atoms, not \(size)")
            }
        }

        func run() throws {
            var writer = try FrameWriter(output)
            try writer.write(GoldThiolateRing(n: size).atoms)
            try writer.finish()
        }
    }

    struct Au25: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Build Au25(SCH3)18 from its symmetry: an icosahedron of gold and six staple units.",
            discussion: """
                The structure is not relaxed. The known cluster is an anion: use `charge: -1` in the job.

                  aurelax build au25 -o au25.xyz
                """)

        @Option(name: .shortAndLong, help: "extxyz file to write, or - for standard output.")
        var output = "-"

        func run() throws {
            var writer = try FrameWriter(output)
            try writer.write(Au25Cluster().atoms)
            try writer.finish()
        }
    }

    struct Units: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the staple units of a structure with the numbers for move and stretch.",
            discussion: "  aurelax build units au38q.xyz")

        @Argument(help: "XYZ or extxyz file; its last frame is used.", completion: .file())
        var input: String

        func run() throws {
            let atoms = try lastFrame(of: input)
            let staples = try StapleUnits(atoms)
            for (number, (unit, anchors)) in zip(staples.units, staples.anchors).enumerated() {
                func count(_ element: Element) -> Int { unit.count { atoms.elements[$0] == element } }
                func text(_ atoms: [Int]) -> String { atoms.map(\.description).joined(separator: ",") }
                print(
                    "unit \(number): \(count(.gold)) Au, \(count(.sulfur)) S, \(counted(unit.count, "atom")); "
                        + "bound to core gold \(text(anchors)); atoms \(text(unit))")
            }
        }
    }

    struct Stretch: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Pull a staple unit outwards, as in the paper's second test.",
            discussion: """
                The unit is moved rigidly, away from the centre of the gold. The structure's move_mask frees the \
                unit and the core gold that it is bonded to: `move: mask` relaxes only these.

                  aurelax build stretch au38q.xyz --unit 2 --by 2.0 -o stretched.extxyz
                """)

        @Argument(help: "XYZ or extxyz file; its last frame is used.", completion: .file())
        var input: String
        @Option(help: "Number of the unit, from `aurelax build units`.")
        var unit: Int
        @Option(help: "Distance by which the unit is moved, Å.")
        var by = 2.0
        @Option(name: .shortAndLong, help: "extxyz file to write, or - for standard output.")
        var output = "-"

        func validate() throws {
            guard by.isFinite, (-10...10).contains(by) else {
                throw ValidationError("--by is a distance of at most 10 Å")
            }
        }

        func run() throws {
            let atoms = try lastFrame(of: input)
            let staples = try StapleUnits(atoms)
            guard staples.units.indices.contains(unit) else {
                throw CommandError(
                    .failed,
                    "\(input): there is no unit \(unit): the structure has "
                        + "\(counted(staples.units.count, "unit")), counted from 0")
            }
            // Calculated values of the given structure do not apply to the stretched structure.
            var bare = Atoms(
                elements: atoms.elements, positions: atoms.positions, cell: atoms.cell,
                periodicity: atoms.periodicity)
            bare = bare.pulling(unit: unit, of: staples, by: by)
            var writer = try FrameWriter(output)
            try writer.write(bare)
            try writer.finish()
        }
    }
}
