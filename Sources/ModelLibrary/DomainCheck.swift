public import Atomistics
import Foundation
import SOAPPotential

/// The check, made before an atom moves, whether a model is applicable to a structure.
///
/// The limits are measured: docs/structures.md, "Atoms that a model does not know".
public struct DomainCheck: Sendable, Equatable {
    /// Above this share of atoms out of domain, a structure is refused.
    public static let refusedShare = 0.5
    /// Up to this share of atoms out of domain, the model can be the base of a learning relaxation. On gold-ligands as
    /// the base, a copper ring with a share of 0.17 ended 0.17 eV lower than on GFN1-xTB, after fewer gradients; the
    /// forces on a ring of p-MBA with a share of 0.22 were 5.6 eV/Å at the start.
    public static let baseShare = 0.2
    /// A structure is refused if a predicted force is more than this many times the largest training force of its
    /// element.
    public static let refusedForce = 5.0
    /// Mean expected force error, eV/Å, above which a structure is refused if ``ExpectedErrors/ratio`` is also above
    /// ``refusedRatio``. In a known structure with strongly displaced atoms, errors and forces are both large.
    public static let refusedError = 1.0
    /// Value of ``ExpectedErrors/ratio`` above which a structure is refused if the mean expected error is also above
    /// ``refusedError``.
    public static let refusedRatio = 0.2
    /// Above this expected force error, eV/Å, ``problem`` names the atom even if none is out of domain.
    static let mentionedError = 2.0

    /// Name of the model.
    public let model: String
    public let atoms: Int
    /// Number of atoms out of domain, by element symbol.
    public let outside: [String: Int]
    /// The predicted force that exceeds the largest training force of its element by the largest factor.
    public let largestForce: LargestForce?
    /// Expected force errors; nil if the model has none.
    public let expected: ExpectedErrors?
    /// Whether the limits apply; they apply only to potentials.
    private let hasLimits: Bool

    public struct ExpectedErrors: Sendable, Equatable {
        /// Mean of the expected errors of all atoms, eV/Å.
        public var mean: Double
        /// Largest expected error, eV/Å, which is that of ``atom``.
        public var largest: Double
        public var atom: Int
        public var symbol: String
        /// Root mean square of the expected errors, divided by the root mean square of the predicted forces.
        public var ratio: Double

        init?(_ atoms: Atoms, _ prediction: ForcePrediction) {
            guard let errors = prediction.uncertainty,
                let atom = errors.indices.max(by: { errors[$0] < errors[$1] })
            else { return nil }
            mean = errors.reduce(0, +) / Double(errors.count)
            (largest, self.atom, symbol) = (errors[atom], atom, atoms.elements[atom].symbol)
            let squared = errors.reduce(0) { $0 + $1 * $1 }
            ratio = (squared / prediction.forces.reduce(0) { $0 + $1.squaredLength }).squareRoot()
        }

        /// The expected errors in words: `0.27 eV/Å on average, 0.29 at most (Au atom 3)`.
        public var text: String {
            String(format: "%.2f eV/Å on average, %.2f at most", mean, largest) + " (\(symbol) atom \(atom))"
        }
    }

    public struct LargestForce: Sendable, Equatable {
        public var atom: Int
        public var symbol: String
        /// Predicted force, eV/Å.
        public var force: Double
        /// Largest force on an atom of this element in the training data, eV/Å.
        public var known: Double
    }

    /// - Throws: `ForceFieldError` if the model cannot be evaluated at all: it lacks an element, or the structure is
    ///   periodic and the model supports only molecules.
    public init(_ forceField: any ForceField, _ atoms: Atoms) throws {
        self.init(forceField, atoms, try forceField.predict(atoms))
    }

    /// - Parameters:
    ///   - forceField: the model.
    ///   - atoms: the structure.
    ///   - prediction: the model's prediction for this structure.
    public init(_ forceField: any ForceField, _ atoms: Atoms, _ prediction: ForcePrediction) {
        model = forceField.provenance.name
        self.atoms = atoms.count
        expected = ExpectedErrors(atoms, prediction)
        // The limits were measured for potentials; for minimal learning machines, out of domain means something else.
        guard let potential = forceField as? SOAPPotential else {
            (outside, largestForce, hasLimits) = ([:], nil, false)
            return
        }
        hasLimits = true
        var outside: [String: Int] = [:]
        for (element, isOutside) in zip(atoms.elements, prediction.outOfDomain) where isOutside {
            outside[element.symbol, default: 0] += 1
        }
        self.outside = outside
        largestForce = atoms.elements.indices.compactMap { i in
            potential.largestKnownForce(on: atoms.elements[i]).map {
                LargestForce(
                    atom: i, symbol: atoms.elements[i].symbol, force: prediction.forces[i].length, known: $0)
            }
        }.max { $0.force / $0.known < $1.force / $1.known }
    }

    public var outsideCount: Int { outside.values.reduce(0, +) }
    public var share: Double { atoms == 0 ? 0 : Double(outsideCount) / Double(atoms) }
    public var isRefused: Bool { share > Self.refusedShare || hasWildForce || hasLargeErrors }
    private var hasLargeErrors: Bool {
        guard hasLimits, let expected else { return false }
        return expected.mean > Self.refusedError && expected.ratio > Self.refusedRatio
    }

    /// Whether the model can be the base of a learning relaxation: few atoms are out of domain, and no force and no
    /// expected error is too large.
    public var isBase: Bool { share <= Self.baseShare && !hasWildForce && !hasLargeErrors }

    private var hasWildForce: Bool {
        largestForce.map { $0.force > Self.refusedForce * $0.known } ?? false
    }

    /// The problem, such as `88 C and 90 H atoms of 349 are out of the domain of gold-ligands`; nil if there is none.
    public var problem: String? {
        if hasWildForce, let largestForce {
            return "the force on \(largestForce.symbol) atom \(largestForce.atom) is "
                + String(
                    format: "%.1f eV/Å by %@, but its training data has at most %.1f eV/Å",
                    largestForce.force, model, largestForce.known)
        }
        var errors: String?
        if hasLimits, let expected, hasLargeErrors || expected.largest > Self.mentionedError {
            errors = "errors of its forces are expected to be \(expected.text)"
        }
        guard outsideCount > 0 else { return errors.map { "\(model) is uncertain: \($0)" } }
        let sorted = outside.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        var parts = sorted.prefix(3).map { "\($0.value) \($0.key)" }
        let rest = sorted.dropFirst(3).reduce(0) { $0 + $1.value }
        if rest > 0 { parts.append("\(rest) other") }
        let list =
            parts.count > 1
            ? parts.dropLast().joined(separator: ", ") + " and " + parts[parts.count - 1] : parts[0]
        return
            "\(list) \(outsideCount == 1 ? "atom" : "atoms") of \(atoms) \(outsideCount == 1 ? "is" : "are") "
            + "out of the domain of \(model)" + (errors.map { "; \($0)" } ?? "")
    }

    /// Advice after a refusal.
    public static let hint =
        "leave out the ml stage, because with `base: auto` a dft stage starts from GFN1-xTB or an engine of the "
        + "spool; or give the ml stage an `engine` (docs/engines.md); or set out_of_domain: continue to run it "
        + "nevertheless"
    /// Advice after a warning.
    public static let warningHint =
        "the stage runs, but stops before a bond between non-metal atoms changes; freeze_unknown: true fixes "
        + "these atoms"
}
