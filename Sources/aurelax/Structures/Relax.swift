import ArgumentParser
import Atomistics
import Foundation
import JobSpec
import ModelLibrary
import Relaxation
import Workflow
import YAMLDocument

struct Relax: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Relax a structure with a force field, without a daemon.",
        discussion: """
            Reads the last structure of a file, moves its atoms until the largest predicted force is below \
            --fmax, and writes the result as extxyz with the model's prediction (ml_forces, ml_energy, \
            never forces or energy). Ends with status 8 if it did not converge.

              aurelax relax ring4.xyz -o relaxed.extxyz --fmax 0.02
              aurelax relax cluster.xyz -o out.extxyz --move shell --trajectory path.extxyz
              aurelax relax hot.extxyz -o out.extxyz --alternate shell:24 --alternate core:12 --rounds 6
            """)

    @Argument(help: "Structure file; its last frame is used.", completion: .file())
    var input: String
    @Option(name: .shortAndLong, help: "extxyz file to write, or - for standard output.")
    var output: String
    @OptionGroup var model: ModelOptions
    @OptionGroup var formats: FormatOptions
    @OptionGroup var engine: EngineOptions
    @OptionGroup var options: OptionFlags<StageFlags>
    @Option(help: "extxyz file for every step.")
    var trajectory: String?
    @Flag(name: .shortAndLong, help: "No log on standard error.")
    var quiet = false

    func run() throws {
        let given = try LastFrame(of: input, format: formats.format)
        let initial = given.atoms
        if !quiet, let reading = given.reading(input) { printError(reading) }
        if !quiet, given.frames > 1 { printError("\(input): the last of \(given.frames) frames is relaxed") }
        let forceField = try engine.forceField(else: model, for: initial)
        let stage = try options.settings.completed(forEnergies: forceField.hasEnergy, atoms: initial.count)
        if engine.engine == nil { try refuseUnknown(initial, forceField, stage) }
        let settings: RelaxationSettings
        do {
            settings = try stage.settings(for: initial)
        } catch {
            throw CommandError(.failed, "\(input): \(error)")
        }
        if settings.movable == nil, initial.moveMask?.contains(false) == true {
            printError(
                "warning: the move_mask of \(input) fixes atoms, but all atoms are moved; --move mask keeps "
                    + "them fixed")
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
        guard let last = relaxer.current, let kept = relaxer.kept else { return }
        if !quiet, case .stopped(let reason) = relaxer.status { printError("stopped: \(reason)") }
        for warning in last.prediction.warnings where !quiet { printError("warning: \(warning)") }
        var writer = try FrameWriter(output)
        try writer.write(kept.annotated(by: forceField.provenance))
        try writer.finish()
        guard relaxer.status.isSatisfied else { throw ExitCode(ExitStatus.notConverged.rawValue) }
    }
}

extension Relax {
    /// Reports the parts of the structure that are out of the model's domain.
    ///
    /// - Throws: ``CommandError`` if the relaxation must not begin.
    private func refuseUnknown(_ atoms: Atoms, _ forceField: any ForceField, _ stage: MLStage) throws {
        let domain: DomainCheck
        do {
            domain = try DomainCheck(forceField, atoms)
        } catch let error as ForceFieldError {
            throw CommandError(in: input, "\(error)")
        }
        guard let problem = domain.problem else { return }
        guard domain.isRefused, stage.outOfDomain == .refuse else {
            if !quiet { printError("\(input): warning: \(problem)") }
            return
        }
        throw CommandError(
            in: input,
            "\(problem)\n  use --engine (docs/engines.md), another --model, or --out-of-domain continue, which stops before "
                + "a bond between non-metal atoms changes")
    }
}

/// The flags of an ML stage on a command line; the flags of its model are separate.
enum StageFlags: FlagTable {
    static let table = MLStage.options
    static let without: Set<String> = ["model", "engine", "multiplicity"]
}
