package import Atomistics
package import DurableFiles
internal import Engines
import Foundation
package import JobSpec
import ModelLibrary
import OrderedCollections
import Relaxation
import SystemPackage

/// One ML stage in its folder: `trajectory.extxyz` and `optimizer.log` grow with every step, `final.extxyz`
/// is written at the end.
///
/// After any interruption the stage resumes from the last complete frame of the trajectory.
package struct MLStageRun {
    let stage: MLStage
    /// The initial structure of the stage.
    let initial: Atoms
    let forceField: any ForceField
    let folder: Directory

    package init(stage: MLStage, initial: Atoms, forceField: any ForceField, folder: Directory) {
        self.stage = stage.completed(forEnergies: forceField.hasEnergy, atoms: initial.count)
        (self.initial, self.forceField, self.folder) = (initial, forceField, folder)
    }

    package enum End {
        case finished(StageReport, final: [UInt8])
        /// Stopped between two steps by a request.
        case stopped
    }

    /// Runs the stage, or resumes it from its files.
    ///
    /// - Parameters:
    ///   - begin: called once with the number of existing steps.
    ///   - progress: called after every step with its number and the largest force, eV/Å.
    package func run(
        stop: StopFlag, begin: (_ step: Int) throws -> Void = { _ in },
        progress: (_ step: Int, _ fmax: Double) throws -> Void
    ) throws -> End {
        let start = ContinuousClock.now
        let settings = try stage.settings(for: initial)
        var relaxer = Relaxer(bare, forceField: forceField, settings: settings)
        let log = OptimizerLog(settings.optimizer, isModel: true)
        let frames = try resume(&relaxer)
        let files = try open(frames, log)
        var first = frames.first
        try begin(frames.count)
        // The check calls the force field, which may crash the daemon, so it comes after `begin`, which counts
        // the starts.
        if frames.isEmpty, stage.engine == nil { try refuseUnknown() }
        if let current = relaxer.current { try progress(current.step, current.fmax) }
        while relaxer.status == .running {
            if stop.isStopping {
                try files.trajectory.synchronize()
                try files.log.synchronize()
                return .stopped
            }
            let frame = try relaxer.advance()
            guard frame.prediction.forces.allSatisfy(\.isFinite),
                frame.atoms.positions.allSatisfy(\.isFinite),
                frame.fmax.isFinite, frame.prediction.energy?.isFinite ?? true
            else {
                throw StageFailure("the force field gave a force that is not a number at step \(frame.step)")
            }
            let annotated = frame.annotated(by: forceField.provenance)
            if first == nil { first = annotated }
            try files.trajectory.append(ExtXYZ.bytes(of: [annotated]))
            try files.log.append(
                log.line(step: frame.step, energy: frame.prediction.energy, fmax: frame.fmax))
            try progress(frame.step, frame.fmax)
        }
        try files.trajectory.synchronize()
        try files.trajectory.close()
        try files.log.synchronize()
        try files.log.close()
        guard let last = relaxer.current, let kept = relaxer.kept else {
            throw StageFailure("the relaxation took no step")
        }
        let final = ExtXYZ.bytes(of: [kept.annotated(by: forceField.provenance)])
        try folder.replace("final.extxyz", final)
        let seconds = Double(start.duration(to: .now) / .seconds(1))
        return .finished(
            report(kept, of: last.step, first: first, relaxer.status, seconds: seconds), final: final)
    }

    /// Checks that the structure is in the model's domain, if the stage asks for that check.
    ///
    /// - Throws: ``StageFailure`` if the structure is out of domain.
    private func refuseUnknown() throws {
        guard stage.outOfDomain == .refuse, let check = try? DomainCheck(forceField, bare), check.isRefused
        else { return }
        throw StageFailure("\(check.problem ?? "the structure is unknown"): not relaxed; \(DomainCheck.hint)")
    }

    /// The initial structure without the energies and forces of an earlier stage.
    private var bare: Atoms {
        var atoms = Atoms(
            elements: initial.elements, positions: initial.positions, cell: initial.cell,
            periodicity: initial.periodicity)
        atoms.takeMoveMask(from: initial)
        return atoms
    }

    // MARK: Resuming

    /// Repeats the steps of the frames in the trajectory, up to the first frame that is incomplete or not from
    /// this run; returns these frames.
    private func resume(_ relaxer: inout Relaxer) throws -> [Atoms] {
        guard let bytes = try folder.read("trajectory.extxyz", limit: 1 << 33),
            let end = bytes.lastIndex(of: 10)
        else { return [] }
        // A last line without a line feed may lack digits and still look complete, so it is not read.
        var reader = try ExtXYZReader(MemoryBytes(Array(bytes[...end]), label: "trajectory.extxyz"))
        var frames: [Atoms] = []
        while relaxer.status == .running, let frame = try? reader.next(),
            let prediction = frame.prediction(by: forceField.provenance),
            frame.elements == initial.elements, isNext(frame, after: frames.last)
        {
            try relaxer.replay(frame, prediction)
            frames.append(frame)
        }
        return frames
    }

    /// Returns whether a frame can follow another one (no atom moved further than one step allows), or can be
    /// the first.
    private func isNext(_ frame: Atoms, after last: Atoms?) -> Bool {
        guard let last else { return frame.positions == initial.positions }
        let limit = stage.maxStep * 1.01 * Double(initial.count).squareRoot()
        return zip(frame.positions, last.positions).allSatisfy { ($0 - $1).length <= limit }
    }

    /// Opens the trajectory and the log for appending, after removing everything that does not belong to these
    /// frames.
    private func open(
        _ frames: [Atoms], _ log: OptimizerLog
    ) throws -> (trajectory: AppendFile, log: AppendFile) {
        let kept = ExtXYZ.bytes(of: frames)
        if try folder.read("trajectory.extxyz", limit: 1 << 33) ?? [] != kept {
            try folder.replace("trajectory.extxyz", kept)
        }
        let lines = String(decoding: try folder.read("optimizer.log") ?? [], as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: true).map { $0 + "\n" }
        var text = log.header
        for (step, frame) in frames.enumerated() {
            if lines.indices.contains(step + 1), lines[step + 1].count == lines[1].count {
                text += lines[step + 1]
            } else {
                text += log.line(
                    step: step, energy: frame.info["ml_energy"]?.double,
                    fmax: frame.info["ml_fmax"]?.double ?? .nan)
            }
        }
        if lines.joined() != text { try folder.replace("optimizer.log", Array(text.utf8)) }
        return (
            try AppendFile("trajectory.extxyz", in: folder), try AppendFile("optimizer.log", in: folder)
        )
    }

    // MARK: Report

    private func report(
        _ last: RelaxationFrame, of steps: Int, first: Atoms?, _ status: RelaxationStatus, seconds: Double
    ) -> StageReport {
        let fmax = String(format: "%.4f", last.fmax)
        var text: String
        let taken = counted(steps, "step")
        switch status {
        case .converged: text = "converged by the force field: fmax \(fmax) eV/Å after \(taken)"
        case .running, .stepLimit: text = "fmax \(fmax) eV/Å after the \(taken) allowed"
        case .stopped(let reason): text = "stopped after \(taken), fmax \(fmax) eV/Å: \(reason)"
        }
        if last.step != steps { text += "; the frame of step \(last.step) is kept" }
        var warnings = last.prediction.warnings
        if let uncertainty = last.prediction.uncertainty?.max() {
            warnings.append("largest expected error of a force: \(String(format: "%.3f", uncertainty)) eV/Å")
        }
        let provenance = forceField.provenance
        let before = first?.info["ml_energy"]?.double
        return StageReport(
            kind: .ml,
            verdict: StageVerdict(converged: status.isSatisfied, steps: steps, fmax: last.fmax, text: text),
            initialFmax: first?.info["ml_fmax"]?.double, requestedFmax: stage.fmax,
            largestDisplacement: try? Superposition(of: last.atoms, on: bare).largestDisplacement,
            energy: last.prediction.energy,
            energyChange: before.flatMap { before in last.prediction.energy.map { $0 - before } },
            method: "\(provenance.name) (\(provenance.kind))", version: provenance.version,
            levelOfTheory: provenance.levelOfTheory, warnings: warnings, seconds: seconds)
    }
}

/// The reason why a stage fails; a retry would fail for the same reason.
struct StageFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension MLStageRun {
    /// Runs the stage; if its engine fails, starts the engine again and resumes from the last step.
    ///
    /// - Returns: the end, and a warning for every time that the engine was started again.
    /// - Throws: the engine's error if it fails twice at the same step.
    func resumingAfterEngineFailures(
        stop: StopFlag, begin: (_ step: Int) throws -> Void,
        progress: (_ step: Int, _ fmax: Double) throws -> Void
    ) throws -> (End, restarts: [String]) {
        var (steps, failedAt) = (0, -1)
        var restarts: [String] = []
        while true {
            do {
                let end = try run(stop: stop) { step in
                    if restarts.isEmpty { try begin(step) }
                    steps = step
                } progress: { step, fmax in
                    steps = step + 1
                    try progress(step, fmax)
                }
                return (end, restarts)
            } catch let error as EngineError where steps != failedAt && !stop.isStopping {
                failedAt = steps
                restarts.append("resumed at step \(steps) after \(error)")
            }
        }
    }
}
