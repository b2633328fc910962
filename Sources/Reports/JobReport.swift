public import Atomistics
import Foundation
import OrderedCollections

/// The content of the page about one job. It contains no paths on a disk.
public struct JobReport: Sendable {
    public struct Stage: Sendable {
        /// The stage's name on the page: `1 ML`, `2 DFT, attempt 2`.
        public var name: String
        public var isML: Bool
        /// Facts about the stage by name: settings, results, method.
        public var facts: [(name: String, value: String)] = []
        public var warnings: [String] = []
        /// For single points, the index of the stage along whose path they were computed; nil for other stages.
        public var pathOf: Int?
        /// Requested fmax, eV/Å.
        public var fmaxLimit: Double?
        public var curve = OptimizerCurve("")
        /// Frames of the trajectory. Of a long trajectory only some frames are kept, among them the first and the last.
        public var frames: [Atoms] = []
        /// The gradients of a learning relaxation; empty for other stages.
        public var learning: [LearningCall] = []
        /// The reason why frames are missing; nil if none are missing.
        public var problem: String?

        public init(name: String, isML: Bool) { (self.name, self.isML) = (name, isML) }
    }

    public struct File: Sendable {
        public var path: String
        public var bytes: Int
        public var sha256: String

        public init(path: String, bytes: Int, sha256: String) {
            (self.path, self.bytes, self.sha256) = (path, bytes, sha256)
        }
    }

    public var name: String
    public var state: String
    public var verdict: String
    /// Facts by name about the job's request and about the program that computed it.
    public var facts: [(name: String, value: String)] = []
    /// The job file with all defaults.
    public var settings = ""
    public var history: [(at: String, text: String)] = []
    public var files: [File] = []
    /// The initial structure.
    public var initial: Atoms?
    public var stages: [Stage] = []

    public init(name: String, state: String, verdict: String) {
        (self.name, self.state, self.verdict) = (name, state, verdict)
    }

    /// The final structure.
    public var final: Atoms? { stages.last { !$0.frames.isEmpty }?.frames.last }

    var curves: [(name: String, chart: LineChart)] {
        [
            ("fmax", fmaxChart), ("energy", energyChart), ("model-energy", modelEnergyChart),
            ("uncertainty", uncertaintyChart), ("learning", learningChart),
        ].filter { !$0.1.isEmpty }
    }

    /// Returns the curves of the stages, one after the other along the steps of the job. Single points are placed along
    /// the path of the stage for which they were computed.
    private func series(_ points: (Stage) -> [SIMD2<Double>], limits: Bool = false) -> [LineChart.Series] {
        var end = 0.0
        var starts: [Double] = []
        for stage in stages {
            if let path = stage.pathOf, starts.indices.contains(path) {
                starts.append(starts[path])
            } else {
                starts.append(end)
                end += Double(stage.curve.entries.last?.step ?? stage.frames.count) + 1
            }
        }
        return zip(stages, starts).map { stage, before in
            LineChart.Series(
                stage.name, colour: stage.isML ? LineChart.gold : LineChart.blue,
                points(stage).map { SIMD2($0.x + before, $0.y) }, limit: limits ? stage.fmaxLimit : nil)
        }
    }

    private var fmaxChart: LineChart {
        LineChart(
            "Largest force against step", y: "fmax (eV/Å)", logarithmic: true,
            series({ $0.curve.entries.map { SIMD2(Double($0.step), $0.fmax) } }, limits: true))
    }

    private var energyChart: LineChart {
        LineChart("DFT energy against step", y: "energy (eV)", series { $0.isML ? [] : Self.energies($0) })
    }

    private var modelEnergyChart: LineChart {
        LineChart(
            "The model's own energy against step", y: "model's energy (eV)",
            series { $0.isML ? Self.energies($0) : [] })
    }

    private static func energies(_ stage: Stage) -> [SIMD2<Double>] {
        stage.curve.entries.compactMap { entry in entry.energy.map { SIMD2(Double(entry.step), $0) } }
    }

    private var learningChart: LineChart {
        let errors = series { $0.learning.errors(\.forceError) }
        let quadratic = series { $0.learning.errors(\.quadraticError) }.map { one in
            var one = one
            one.name += ", a quadratic model"
            one.isDashed = true
            return one
        }
        return LineChart(
            "Error of the learning relaxation by call", y: "force error (eV/Å)", logarithmic: true,
            errors + quadratic)
    }

    private var uncertaintyChart: LineChart {
        LineChart(
            "Largest expected error of the model against step", y: "expected error (eV/Å)",
            series { stage in
                stage.frames.enumerated().compactMap { n, frame in
                    guard let largest = frame.columns["ml_uncertainty"]?.reals?.filter(\.isFinite).max()
                    else {
                        return nil
                    }
                    return SIMD2(frame.info["step"]?.double ?? Double(n), largest)
                }
            })
    }
}

extension [LearningCall] {
    /// Returns step and error for each gradient that has this error.
    fileprivate func errors(_ error: (LearningCall) -> Double?) -> [SIMD2<Double>] {
        compactMap { call in error(call).map { SIMD2(Double(call.step), $0) } }
    }
}
