import Foundation

/// The record of one gradient call in a learning relaxation: the predicted and the calculated values, and the next
/// step.
public struct LearningCall: Sendable, Equatable {
    public var step: Int
    /// Energy that the engine calculated, eV.
    public var energy: Double
    /// Largest force that the engine calculated, eV/Å.
    public var fmax: Double
    /// Energy that was predicted for this geometry, eV; nil for the first gradient, and if a quasi-Newton step led
    /// here.
    public var predictedEnergy: Double?
    public var predictedFmax: Double?
    /// Root mean square error of the force predicted by base and correction, eV/Å.
    public var forceError: Double?
    /// Root mean square error of the force predicted by a quadratic model, eV/Å.
    public var quadraticError: Double?
    /// Largest displacement of an atom that the next step may have, Å.
    public var trustRadius: Double?
    /// A description of the next geometry; nil if there is no next one.
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
