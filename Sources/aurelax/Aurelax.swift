import ArgumentParser

@main
struct Aurelax: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aurelax",
        abstract: "Relaxes gold–thiolate nanoclusters: coarse by machine learning, fine by DFT.",
        version: "0.1.0",
        subcommands: [])
}
