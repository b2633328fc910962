import ArgumentParser

/// A program that times our code and its peers, each in a separate process, and prints a table.
@main
struct AurelaxBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aurelax-bench",
        abstract: "Times aurelax and its peers on this machine, in one run.",
        discussion: """
            Run it from the project's root, with trained models: `make bench` does. Absolute times depend on \
            the machine; compare the ratios.
            """,
        subcommands: [Compare.self, Measure.self, Sizes.self], defaultSubcommand: Compare.self)
}

/// The tasks that can be timed, by name.
enum Subject: String, CaseIterable, ExpressibleByArgument {
    case soap
    case forces
    case load
    case read
    case trainPotential = "train-potential"
    case trainFullSize = "train-full-size"
    case products
    case drift
    case learning
}

/// A command that times one of our tasks in this process and prints a ``Measurement``.
struct Measure: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Time one task; JSON on standard output.")

    @Argument var subject: Subject
    @Argument(help: "The structure, model or file for the task.")
    var input: [String] = []
    @Option var repeats = 10

    func run() throws {
        let measurement =
            switch subject {
            case .soap: try timeSOAP(input[0], repeats)
            case .forces: try timeForces(model: input[0], structure: input[1], repeats)
            case .load: try timeLoading(input[0], repeats)
            case .read: try timeReading(input[0], repeats)
            case .trainPotential: try timeTrainingPotential(structures: input[0], rings: input[1])
            case .trainFullSize: try timeTrainingAtFullSize(structures: input[0], writeTo: input[1])
            case .products: try timeProducts(model: input[0], structure: input[1], repeats)
            case .drift: try measureDrift(model: input[0], structure: input[1])
            case .learning: try timeLearning(structures: input[0], copies: Int(input[1]) ?? 1)
            }
        print(try measurement.json)
    }
}
