import ArgumentParser
import DurableFiles
import Foundation
import Handoff
import SystemPackage
import UnixSignals
import Workflow

struct DFT: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dft", abstract: "Run handed-off packages on this machine.",
        subcommands: [Run.self, Serve.self])

    struct RunnerOptions: ParsableArguments {
        @Option(
            help: "Python with ASE and the engine (default: $AURELAX_PYTHON, the project's own, python3).")
        var python: String?
        @Option(help: "MPI launcher (default: $AURELAX_MPIEXEC, else mpiexec).")
        var mpiexec: String?
        @Option(help: "Processes (default: $AURELAX_RANKS, else chosen by the package's run.sh).")
        var ranks: Int?

        func validate() throws {
            guard ranks.map((1...100_000).contains) ?? true else {
                throw ValidationError("--ranks is \(ranks ?? 0); it can be 1 to 100000")
            }
        }

        var runner: LocalRunner {
            var options = LocalRunner.Options.from(environment: ProcessInfo.processInfo.environment)
            options.python = python ?? Program.python
            options.program = Program.path
            options.mpiexec = mpiexec ?? options.mpiexec
            options.ranks = ranks ?? options.ranks
            return LocalRunner(options)
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run one package in its folder; an interrupted run resumes.",
            discussion: """
                In a spool only packages handed out by its daemon are run, unchanged. A package that was copied \
                elsewhere is checked against its own checksums.

                The exit status is 0 if the calculation converged, 3 at its step limit, 4 if the SCF did \
                not converge, 5 for values that are not finite, 6 if it was stopped, 7 for an error of the engine, \
                8 if the package was refused, 9 if another process is running it, 10 if it ended without a result.
                """)

        @Argument(help: "Folder of the package.", completion: .directory)
        var package: String
        @OptionGroup var options: RunnerOptions

        func run() async throws {
            let path = URL(fileURLWithPath: package).resolvingSymlinksInPath().path
            let directory = try Directory(FilePath(path))
            let runner = options.runner
            let client = Spool.containing(package: package).map(SpoolClient.init)
            let outcome = try await stoppedBySignals {
                try await runner.run(
                    directory, progress: { progress in printError("\(progress)") },
                    isPublished: { digest in try client?.isPublished(digest) ?? true })
            }
            printError("\(outcome)")
            if outcome.exitCode != 0 { throw ExitCode(outcome.exitCode) }
        }
    }

    struct Serve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the spool's packages as they appear, one at a time.",
            discussion: """
                Only packages handed out by the spool's daemon are run, unchanged: first those of jobs with a \
                higher priority, then in the order of the jobs. Packages of paused jobs are not started.
                """)

        @OptionGroup var spool: SpoolOptions
        @OptionGroup var options: RunnerOptions
        @Flag(help: "End when no package is left to run.")
        var once = false

        func run() async throws {
            let client = spool.client
            var serverOptions = PackageServer.Options()
            serverOptions.once = once
            let server = PackageServer(
                outbox: spool.spool.outbox, runner: options.runner, options: serverOptions,
                turns: { try client.packagesInTurn() }, isPublished: { try client.isPublished($0) })
            try await stoppedBySignals {
                try await server.run { event in printError("\(event)") }
            }
        }
    }
}

/// Runs work that SIGTERM and SIGINT cancel.
private func stoppedBySignals<Result: Sendable>(
    _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let task = Task { try await work() }
    let listener = Task {
        for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { task.cancel() }
    }
    defer { listener.cancel() }
    return try await task.value
}
