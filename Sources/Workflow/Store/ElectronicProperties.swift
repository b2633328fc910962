internal import Atomistics
import OrderedCollections

/// What an engine says of a geometry's electrons beside energy and forces.
public struct ElectronicProperties: Sendable, Equatable, Codable {
    /// Energy of the highest occupied and the lowest unoccupied orbital, eV.
    public var homo: Double?
    public var lumo: Double?
    /// Total magnetic moment, μB; nil for a spin-paired calculation.
    public var magneticMoment: Double?
    /// e Å; that of an ion about its centre of mass.
    public var dipole: [Double]?
    /// Part of the energy that is the dispersion correction's, eV.
    public var dispersionEnergy: Double?

    /// eV
    public var gap: Double? {
        guard let homo, let lumo else { return nil }
        return max(0, lumo - homo)
    }

    /// Length of the dipole moment, e Å.
    public var dipoleLength: Double? {
        dipole.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    }

    /// Of a frame that an engine has written; nil if it says nothing of this.
    init?(_ frame: Atoms) {
        homo = frame.info["homo"]?.double
        lumo = frame.info["lumo"]?.double
        magneticMoment = frame.info["magmom"]?.double
        if case .reals(let vector)? = frame.info["dipole"], vector.count == 3, vector.allSatisfy(\.isFinite) {
            dipole = vector
        }
        dispersionEnergy = frame.info["dispersion_energy"]?.double
        guard homo != nil || magneticMoment != nil || dipole != nil else { return nil }
    }
}
