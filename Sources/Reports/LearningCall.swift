import Foundation

/// A record of one gradient in a learning relaxation: the prediction, the computed values and the next step.
public struct LearningCall: Sendable, Equatable {
    public var step: Int
    /// Computed energy, eV.
    public var energy: Double
    /// Computed largest force, eV/Å.
    public var fmax: Double
    /// Predicted energy, eV; nil for the first gradient, and if the step was a quasi-Newton step.
    public var predictedEnergy: Double?
    public var predictedFmax: Double?
    /// Root mean square error of the predicted force, eV/Å, of base and correction, and of a quadratic model.
    public var forceError: Double?
    public var quadraticError: Double?
    /// Largest displacement that the next step may have, Å.
    public var trustRadius: Double?
    /// A description of the next geometry; nil if there is none.
    public var next: String?

    public init(step: Int, energy: Double, fmax: Double) {
        (self.step, self.energy, self.fmax) = (step, energy, fmax)
    }
}

extension LearningCall {
    static func table(_ calls: [LearningCall]) -> Markup {
        guard !calls.isEmpty else { return "" }
        func number(_ value: Double?, _ format: String = "%.3f") -> String {
            value.map { String(format: format, $0) } ?? "–"
        }
        return """
            <h4>Predicted and computed values</h4>
            \(Markup.table(
                head: [
                    "Step", "Energy (eV)", "Predicted", "fmax (eV/Å)", "Predicted", "Force error (eV/Å)",
                    "Of a quadratic model", "Trust radius (Å)", "Next geometry",
                ],
                rows: calls.map {
                    [
                        String($0.step), number($0.energy, "%.4f"), number($0.predictedEnergy, "%.4f"), number($0.fmax),
                        number($0.predictedFmax), number($0.forceError), number($0.quadraticError),
                        number($0.trustRadius, "%.2f"), $0.next ?? "–",
                    ]
                }))

            """
    }
}
