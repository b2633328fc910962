public import Atomistics
import Foundation
import OrderedCollections

/// The relaxation path of a job, read from its folder in an outbox or among recorded results.
public struct ComparedJob: Sendable {
    public enum Kind: String, Sendable {
        case ml, dft
        /// Energies and forces along the path of an earlier stage. A single-points stage has no path of its own.
        case singlePoints = "single-points"
    }

    public struct Stage: Sendable {
        public var kind: Kind
        /// Name of the model or the engine.
        public var method: String?
        /// Level of theory of the energies; nil for a model, whose energies are not compared.
        public var levelOfTheory: String?
        public var curve = OptimizerCurve("")
        /// Frames in order, each with the number of its `step`. A recorded job may have only some of them, but it has
        /// the last.
        public var frames: [Atoms] = []
        public var gradientCalls: Int?
        public var scfCycles: Int?
        public var converged: Bool?

        public init(kind: Kind) { self.kind = kind }

        /// Number of steps.
        public var steps: Int {
            guard kind != .singlePoints else { return 0 }
            return curve.entries.last?.step ?? max(0, frames.count - 1)
        }
    }

    public var name: String
    /// The initial structure of the job; nil if the folder does not have it.
    public var given: Atoms?
    public var stages: [Stage] = []
    /// The state (`completed`, `failed`, …) and its reason; nil if it is not known.
    public var state: String?
    public var verdict: String?

    public init(name: String) { self.name = name }

    /// The final structure.
    public var final: Atoms? {
        stages.last { $0.kind != .singlePoints && !$0.frames.isEmpty }?.frames.last
    }

    /// Each stage with the number of steps that the job did before it. A single-points stage has the number of the
    /// stage along whose path its energies were computed.
    var placed: [(stage: Stage, start: Int)] {
        var (start, next) = (0, 0)
        return stages.map { stage in
            if stage.kind != .singlePoints {
                start = next
                next += stage.steps
            }
            return (stage, start)
        }
    }

    /// Returns the energies (eV) of the stages at one level of theory, each with the step of the job at which it was
    /// computed: first those of single-points stages, then those of optimisations.
    func energies(at level: String) -> (points: [SIMD2<Double>], optimizations: [SIMD2<Double>]) {
        var points: [SIMD2<Double>] = []
        var optimizations: [SIMD2<Double>] = []
        for (stage, start) in placed where stage.levelOfTheory == level {
            if stage.kind == .singlePoints {
                points += stage.frames.compactMap { frame in
                    frame.energy.map { SIMD2(Double(start) + (frame.info["step"]?.double ?? 0), $0) }
                }
            } else {
                optimizations += stage.curve.entries.compactMap { entry in
                    entry.energy.map { SIMD2(Double(start + entry.step), $0) }
                }
            }
        }
        return (points, optimizations)
    }

    /// The level of theory of the last stage that has one.
    var levelOfTheory: String? { stages.last { $0.levelOfTheory != nil }?.levelOfTheory }

    /// Returns the last energy (eV) at a level of theory, and the largest force (eV/Å) on an atom that may move, in the
    /// same stage.
    func outcome(at level: String) -> (energy: Double, fmax: Double?)? {
        guard let stage = stages.last(where: { $0.levelOfTheory == level && $0.lastEnergy != nil }),
            let energy = stage.lastEnergy
        else { return nil }
        return (energy, stage.kind == .singlePoints ? stage.lastForce : stage.curve.entries.last?.fmax)
    }
}

extension ComparedJob.Stage {
    fileprivate var lastEnergy: Double? {
        kind == .singlePoints ? frames.last?.energy : curve.entries.last?.energy
    }

    fileprivate var lastForce: Double? {
        guard let last = frames.last, let forces = last.forces else { return nil }
        let moves = last.moveMask
        return forces.indices.filter { moves?[$0] ?? true }.map { forces[$0].length }.max()
    }
}
