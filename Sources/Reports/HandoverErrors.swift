import Atomistics
import Foundation
import OrderedCollections

/// The error of the model at the start of DFT: the model's forces on the last geometry of an ML stage are compared with
/// the forces of the DFT stage that began there.
struct HandoverErrors {
    struct Row {
        var name: String
        var atoms = 0
        /// Sums over the atoms of this class: of |F_ml − F_dft|², of |F_dft|², and of the error that the model expects.
        var squaredError = 0.0
        var squaredForce = 0.0
        var expected = 0.0
    }

    let rows: [Row]
    /// Level of theory of the DFT stage, whose forces are the reference.
    let levelOfTheory: String

    /// Compares the forces of the two stages. Returns nil if their geometries differ by more than a shift; a package
    /// centres its structure, but does not rotate it.
    ///
    /// - Parameter tolerance: largest accepted difference between the positions of an atom, Å.
    init?(_ ml: JobReport.Stage, _ dft: JobReport.Stage, tolerance: Double = 1e-3) {
        guard ml.isML, !dft.isML, let last = ml.frames.last, let first = dft.frames.first,
            last.elements == first.elements, let predicted = last.columns["ml_forces"]?.vectors,
            let forces = first.forces, last.count > 0
        else { return nil }
        let shift = (first.positions.reduce(.zero, +) - last.positions.reduce(.zero, +)) / Double(last.count)
        guard zip(last.positions, first.positions).allSatisfy({ ($0 + shift - $1).length < tolerance }) else {
            return nil
        }
        let classes = last.columns["ml_class"]?.strings ?? last.elements.map(\.symbol)
        let uncertainty = last.columns["ml_uncertainty"]?.reals
        var rows: [String: Row] = [:]
        for i in 0..<last.count {
            var row = rows[classes[i]] ?? Row(name: classes[i])
            row.atoms += 1
            row.squaredError += (predicted[i] - forces[i]).squaredLength
            row.squaredForce += forces[i].squaredLength
            row.expected += uncertainty?[i] ?? .nan
            rows[classes[i]] = row
        }
        self.rows = rows.values.sorted { $0.name < $1.name }
        levelOfTheory = first.levelOfTheory ?? "?"
    }

    var table: Markup {
        Markup.table(
            head: [
                "Class", "Atoms", "Error (RMS, eV/Å)", "Expected error (mean, eV/Å)", "DFT force (RMS, eV/Å)",
            ],
            rows: rows.map { row in
                let n = Double(row.atoms)
                return [
                    row.name, String(row.atoms), Self.text((row.squaredError / n).squareRoot()),
                    Self.text(row.expected / n), Self.text((row.squaredForce / n).squareRoot()),
                ]
            })
    }

    private static func text(_ value: Double) -> String {
        value.isFinite ? String(format: "%.4f", value) : "–"
    }
}
