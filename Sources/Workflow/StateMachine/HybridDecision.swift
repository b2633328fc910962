import Foundation

/// What a round of a hybrid stage came to.
package struct HybridCheck: Sendable, Equatable {
    /// Place of the check in the job's plan.
    package var stage: Int
    /// At the geometry that the check ends with: energy, eV, and largest force of an atom that may move, eV/Å.
    package var energy: Double?
    package var fmax: Double
    /// Largest error of the model's force there, eV/Å; nil where the model was not asked.
    package var modelError: Double?
    /// Where that model had learnt from earlier checks: of the one it had learnt from them with, before.
    package var firstModelError: Double?
    package var gradientCalls: Int

    package init(stage: Int, energy: Double?, fmax: Double, modelError: Double?, gradientCalls: Int) {
        (self.stage, self.energy, self.fmax) = (stage, energy, fmax)
        (self.modelError, self.gradientCalls) = (modelError, gradientCalls)
    }
}

extension HybridCheck {
    init(_ stage: Int, _ report: StageReport) {
        self.init(
            stage: stage, energy: report.energy, fmax: report.verdict.fmax ?? .infinity,
            modelError: report.modelError, gradientCalls: report.gradientCalls ?? report.verdict.steps + 1)
        firstModelError = report.firstModelError
    }
}

/// What follows a check, and why.
package enum HybridDecision: Sendable, Equatable {
    /// Another round from the check's last geometry.
    case goOn(String)
    /// The stage is over, with the geometry of this check.
    case finish(stage: Int, String)

    package var reason: String {
        switch self {
        case .goOn(let reason), .finish(_, let reason): reason
        }
    }

    /// Energies that differ by less are the same, eV.
    static let tolerance = 0.005

    /// - Parameters:
    ///   - checks: of this stage, in order; the last one has just come back.
    ///   - isConverged: whether the last one has what its `fmax` asks for.
    ///   - mlFmax: what the model relaxes to, eV/Å.
    ///   - learns: whether the model learns from the check, so that its error there is no end.
    /// - Precondition: there is a check.
    package init(
        after checks: [HybridCheck], isConverged: Bool, mlFmax: Double, rounds: Int, maxGradientCalls: Int,
        learns: Bool = false
    ) {
        precondition(!checks.isEmpty, "a decision follows a check")
        let last = checks[checks.count - 1]
        let best =
            checks.min { ($0.energy ?? .infinity, $0.fmax) < ($1.energy ?? .infinity, $1.fmax) } ?? last
        let calls = checks.reduce(0) { $0 + $1.gradientCalls }
        func number(_ value: Double) -> String { String(format: "%.3f", value) }
        var place = "round \(checks.count): fmax \(number(last.fmax)) eV/Å by the check"
        if let learnt = last.modelError, let first = last.firstModelError {
            place +=
                " (there the model that has learnt is wrong by up to \(number(learnt)), the one it was by "
                + "\(number(first)))"
        }
        func finish(_ reason: String) -> HybridDecision {
            guard best.stage != last.stage, let round = checks.firstIndex(of: best) else {
                return .finish(stage: last.stage, place + reason)
            }
            return .finish(stage: best.stage, "\(place)\(reason); back to round \(round + 1)")
        }
        if isConverged {
            self = .finish(stage: last.stage, "\(place): converged")
        } else if let energy = last.energy, let lowest = best.energy, energy > lowest + Self.tolerance {
            self = finish(", \(number(energy - lowest)) eV above an earlier round")
        } else if !learns, let error = last.modelError, error >= last.fmax - mlFmax {
            self = finish(", which is the model's own error (\(number(error)) eV/Å): it can do no more")
        } else if checks.count >= rounds {
            self = finish(" after the \(rounds) rounds allowed")
        } else if calls >= maxGradientCalls {
            self = finish("; the checks have cost \(calls) gradients")
        } else {
            let error = last.modelError.map { ", where the model is wrong by up to \(number($0))" } ?? ""
            self = .goOn("\(place)\(error): another round")
        }
    }
}
