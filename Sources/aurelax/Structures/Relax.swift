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
              aurelax relax hot.extxyz -o out.extxyz --alternate shell:24 --alternate core:12 --rounds 6
            """)

    @Argument(help: "Structure file; its last frame counts.", completion: .file())
    var input: String
    @Option(name: .shortAndLong, help: "extxyz file to write, or - for standard output.")
    var output: String
    @OptionGroup var model: ModelOptions
    @OptionGroup var formats: FormatOptions
    @OptionGroup var engine: EngineOptions
    @Option(help: "bfgs, lbfgs, fire or fire2, each as in ASE; safe-bfgs or sqnm.")
    var optimizer = MLStage.Optimizer.bfgs
    @Option(help: "Converged when the largest force on a moving atom is below this, eV/Å.")
    var fmax = 0.1
    @Option(help: "Steps at most.")
    var maxSteps = 200
    @Option(name: .customLong("maxstep"), help: "Largest displacement of an atom in one step, Å.")
    var maxStep = 0.1
    @Option(help: "Atoms that move: all, shell, core, mask, or 0-based indices separated by commas.")
    var move = MoveSelection.all
    @Option(help: "Atoms that keep their places: 0-based indices (0,1,7), elements (Au,S), or below=Z for a height in Å.")
    var fix: FixedAtoms?
    @Option(help: "Where bfgs and safe-bfgs start: unit (70 eV/Å²) or model (the model's own Hessian).")
    var startHessian = MLStage.StartHessian.unit
    @Option(help: "The optimiser forgets what it has learnt after so many steps.")
    var resetHessianEvery: Int?
    @Option(help: "A part that moves in turn and its steps, as shell:24; once for each part.")
    var alternate: [MLStage.Segment] = []
    @Option(help: "How often the parts take turns.")
    var rounds = 1
    @Option(help: "What the optimiser keeps when other atoms begin to move: masked-secant, literal or reset.")
    var atSwitch = MLStage.SwitchTreatment.maskedSecant
    @Option(help: "Stop where every force is below so many times its expected error.")
    var stopBelowUncertainty: Double?
    @Option(help: "Stop after so many steps without progress; 0 for never (default: 20 without energies).")
    var stopAfterStagnation: Int?
    @Option(help: "Stop where the last steps, at most so many, repeat themselves.")
    var stopAtCycle: Int?
    @Option(help: "An atom whose expected force error is above this, eV/Å, moves less in a step.")
    var trustedError: Double?
    @Flag(help: "Atoms whose surroundings the model does not know keep their places.")
    var freezeUnknown = false
    @Option(
        help:
            """
            What is written where it did not converge: last, smallest-fmax, smallest-rms-force, lowest-energy \
            (default: last with energies, else smallest-rms-force).
            """
    )
    var keep: MLStage.Keep?
    @Option(help: "extxyz file for every step.")
    var trajectory: String?
    @Flag(name: .shortAndLong, help: "No log on standard error.")
    var quiet = false

    private var stage: MLStage {
        var stage = MLStage()
        (stage.optimizer, stage.fmax, stage.maxSteps, stage.maxStep) = (optimizer, fmax, maxSteps, maxStep)
        let moving = fix.map { MoveSelection.excluding(move, $0.lists) } ?? move
        (stage.move, stage.startHessian, stage.resetHessianEvery) = (moving, startHessian, resetHessianEvery)
        (stage.alternate, stage.rounds, stage.atSwitch) = (alternate, rounds, atSwitch)
        stage.stopBelowUncertainty = stopBelowUncertainty
        (stage.stopAfterStagnation, stage.stopAtCycle) = (stopAfterStagnation, stopAtCycle)
        (stage.trustedError, stage.freezeUnknown, stage.keep) = (trustedError, freezeUnknown, keep)
        return stage
    }

    func run() throws {
        let given = try LastFrame(of: input, format: formats.format)
        let initial = given.atoms
        if !quiet, let reading = given.reading(input) { printError(reading) }
        if !quiet, given.frames > 1 { printError("\(input): the last of \(given.frames) frames is relaxed") }
        let forceField = try engine.forceField(else: model)
        let stage = self.stage.completed(forEnergies: forceField.hasEnergy)
        let settings: RelaxationSettings
        do {
            settings = try stage.settings(for: initial)
        } catch {
            throw CommandError(.failed, "\(input): \(error)")
        }
        if settings.movable == nil, initial.moveMask?.contains(false) == true {
            printError("warning: the move_mask of \(input) fixes atoms, and all are moved; --move mask keeps them")
        }
        var relaxer = Relaxer(initial, forceField: forceField, settings: settings)
        let log = OptimizerLog(settings.optimizer, isModel: true)
        if !quiet { FileHandle.standardError.write(Data(log.header.utf8)) }
        var path = try trajectory.map { try FrameWriter($0) }
        while relaxer.status == .running {
            let frame = try relaxer.advance()
            if !quiet {
                let line = log.line(step: frame.step, energy: frame.prediction.energy, fmax: frame.fmax)
                FileHandle.standardError.write(Data(line.utf8))
            }
            try path?.write(frame.annotated(by: forceField.provenance))
        }
        try path?.finish()
        guard let last = relaxer.current, let kept = stage.kept(of: relaxer) else { return }
        if !quiet, case .stopped(let reason) = relaxer.status { printError("stopped: \(reason)") }
        for warning in last.prediction.warnings where !quiet { printError("warning: \(warning)") }
        var writer = try FrameWriter(output)
        try writer.write(kept.annotated(by: forceField.provenance))
        try writer.finish()
        guard relaxer.status.isSatisfied else { throw ExitCode(ExitStatus.notConverged.rawValue) }
    }
}

extension MLStage.Optimizer: ExpressibleByArgument {}
extension MLStage.StartHessian: ExpressibleByArgument {}
extension MLStage.SwitchTreatment: ExpressibleByArgument {}
extension MLStage.Keep: ExpressibleByArgument {}

extension MLStage.Segment: ExpressibleByArgument {
    public init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let move = MoveSelection(argument: String(parts[0])),
            let steps = Int(parts[1]), steps > 0
        else { return nil }
        self.init(move: move, steps: steps)
    }
}

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

/// Atoms that keep their places, as an option says it.
struct FixedAtoms: ExpressibleByArgument {
    let lists: AtomLists

    init?(argument: String) {
        var lists = AtomLists()
        for word in argument.split(separator: ",").map(String.init) {
            if let index = Int(word), index >= 0 {
                lists.indices.append(index)
            } else if Element(symbol: word) != nil {
                lists.elements.append(word)
            } else if word.hasPrefix("below="), let height = Double(word.dropFirst(6)), height.isFinite {
                lists.below = height
            } else {
                return nil
            }
        }
        guard lists != AtomLists() else { return nil }
        lists.indices = Set(lists.indices).sorted()
        lists.elements = Set(lists.elements).sorted()
        self.lists = lists
    }
}
