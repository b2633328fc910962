import Foundation

/// The result of a check, the DFT part of a round of a hybrid stage.
package struct HybridCheck: Sendable, Equatable {
    /// Index of the check in the job's plan.
    package var stage: Int
    /// Energy, eV, and largest force of an atom that may move, eV/Å, at the final geometry of the
    /// check.
    package var energy: Double?
    package var fmax: Double
    /// Largest error of the model's force at that geometry, eV/Å; nil if unknown.
    package var modelError: Double?
    /// Largest error of the force of the stage's initial model at the check's final geometry, eV/Å; nil if the round
    /// used the initial model itself, or if the error is unknown.
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

/// The decision after a check, with the reason.
package enum HybridDecision: Sendable, Equatable {
    /// Another round from the check's final geometry.
    case goOn(String)
    /// The stage ends with the geometry of this check.
    case finish(stage: Int, String)

    package var reason: String {
        switch self {
        case .goOn(let reason), .finish(_, let reason): reason
        }
    }

    /// Energies that differ by less count as equal, eV.
    static let tolerance = 0.005

    /// - Parameters:
    ///   - checks: checks of this stage, in order; the last one has just returned.
    ///   - isConverged: whether the last check has reached its `fmax`.
    ///   - mlFmax: the fmax of the model's relaxations, eV/Å.
    ///   - learns: whether the model is trained on the check, so that its error there is no reason
    ///     to stop.
    /// - Precondition: there is at least one check.
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
        var place = "round \(checks.count): fmax \(number(last.fmax)) eV/Å in its check"
        if let learnt = last.modelError, let first = last.firstModelError {
            place +=
                " (largest force error there: trained model \(number(learnt)) eV/Å, initial model "
                + "\(number(first)) eV/Å)"
        }
        func finish(_ reason: String) -> HybridDecision {
            guard best.stage != last.stage, let round = checks.firstIndex(of: best) else {
                return .finish(stage: last.stage, place + reason)
            }
            return .finish(
                stage: best.stage, "\(place)\(reason); the structure of round \(round + 1) is kept")
        }
        if isConverged {
            self = .finish(stage: last.stage, "\(place): converged")
        } else if let energy = last.energy, let lowest = best.energy, energy > lowest + Self.tolerance {
            self = finish(", \(number(energy - lowest)) eV above an earlier round")
        } else if !learns, let error = last.modelError, error >= last.fmax - mlFmax {
            self = finish(
                "; the model's error (\(number(error)) eV/Å) is as large, so further rounds would not help")
        } else if checks.count >= rounds {
            self = finish(" after the \(rounds) rounds allowed")
        } else if calls >= maxGradientCalls {
            self = finish("; the limit of gradient calls is reached (\(calls))")
        } else {
            if last.firstModelError == nil, let error = last.modelError {
                place += ", largest force error of the model \(number(error)) eV/Å"
            }
            self = .goOn("\(place): another round")
        }
    }
}
