import ArgumentParser
import Atomistics
import Foundation
import JobSpec
import Relaxation
import Workflow

struct Relax: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "One relaxation with a force field, without a daemon.",
        discussion: """
            Reads the last structure of a file, moves its atoms until the largest predicted force is below \
            --fmax, and writes the result as extxyz with what the model predicts of it (ml_forces, ml_energy, \
            never forces or energy). Ends with status 8 where it did not converge.

              aurelax relax ring4.xyz -o relaxed.extxyz --fmax 0.02
              aurelax relax cluster.xyz -o out.extxyz --move shell --trajectory path.extxyz
            """)

    @Argument(help: "XYZ or extxyz file.", completion: .file())
    var input: String
    @Option(name: .shortAndLong, help: "extxyz file to write, or - for standard output.")
    var output: String
    @OptionGroup var model: ModelOptions
    @Option(help: "bfgs, lbfgs, fire or fire2, each as in ASE; safe-bfgs or sqnm.")
    var optimizer = OptimizerKind.bfgs
    @Option(help: "Converged when the largest force on a moving atom is below this, eV/Å.")
    var fmax = 0.1
    @Option(help: "Steps at most.")
    var maxSteps = 200
    @Option(name: .customLong("maxstep"), help: "Largest displacement of an atom in one step, Å.")
    var maxStep = 0.1
    @Option(help: "Atoms that move: all, shell, core, mask, or 0-based indices separated by commas.")
    var move = MoveSelection.all
    @Option(help: "extxyz file for every step.")
    var trajectory: String?
    @Flag(name: .shortAndLong, help: "No log on standard error.")
    var quiet = false

    func validate() throws {
        guard fmax > 0, maxStep > 0, maxSteps >= 0 else {
            throw ValidationError("--fmax and --maxstep are positive, --max-steps is not negative")
        }
    }

    func run() throws {
        let initial = try lastFrame(of: input)
        let forceField = try model.forceField
        var settings = RelaxationSettings()
        (settings.optimizer, settings.fmax, settings.maxSteps) = (optimizer, fmax, maxSteps)
        settings.maxStep = maxStep
        settings.movable = move.mask(for: initial)
        guard settings.movable.map({ $0.count == initial.count && $0.contains(true) }) ?? true else {
            throw CommandError(.failed, "\(input): --move \(move.text) leaves no atom that may move")
        }
        var relaxer = Relaxer(initial, forceField: forceField, settings: settings)
        let log = OptimizerLog(optimizer)
        if !quiet { FileHandle.standardError.write(Data(log.header.utf8)) }
        var path = try trajectory.map { try FrameWriter($0) }
        while relaxer.status == .running {
            let frame = try relaxer.advance()
            if !quiet {
                let line = log.line(step: frame.step, energy: nil, fmax: frame.fmax)
                FileHandle.standardError.write(Data(line.utf8))
            }
            try path?.write(frame.annotated(by: forceField.provenance))
        }
        try path?.finish()
        guard let last = relaxer.current else { return }
        for warning in last.prediction.warnings where !quiet { printError("warning: \(warning)") }
        var writer = try FrameWriter(output)
        try writer.write(last.annotated(by: forceField.provenance))
        try writer.finish()
        guard relaxer.status == .converged else { throw ExitCode(ExitStatus.notConverged.rawValue) }
    }
}

extension OptimizerKind: ExpressibleByArgument {}

extension MoveSelection: ExpressibleByArgument {
    public init?(argument: String) {
        switch argument {
        case "all": self = .all
        case "shell": self = .shell
        case "core": self = .core
        case "mask": self = .mask
        default:
            let indices = argument.split(separator: ",").map { Int($0) }
            guard !indices.isEmpty, indices.allSatisfy({ $0.map { $0 >= 0 } ?? false }) else { return nil }
            self = .indices(Set(indices.compactMap { $0 }).sorted())
        }
    }
}
