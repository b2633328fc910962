import ArgumentParser
import Atomistics

struct Build: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make starting structures.", subcommands: [Ring.self])

    struct Ring: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A gold–thiolate ring (AuSCH3)n, the paper's starting structure.",
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
}
