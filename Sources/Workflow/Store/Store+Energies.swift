internal import Atomistics
import GRDB
import OrderedCollections

/// Final energies of a job's stages, eV; those of models and of calculations are kept apart.
public struct JobEnergies: Sendable, Equatable {
    /// Energy of the last external calculation.
    public var calculated: Double?
    /// Energy of the last ML stage.
    public var predicted: Double?
}

extension Store {
    /// Returns the energies of all jobs by the jobs' names, in one query.
    func energies() throws -> [String: JobEnergies] {
        try pool.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT jobs.name AS name, json_extract(stages.report, '$.kind') AS kind,
                        json_extract(stages.report, '$.energy') AS energy
                    FROM stages JOIN jobs ON jobs.id = stages.job
                    WHERE json_type(stages.report, '$.energy') IN ('real', 'integer')
                    ORDER BY stages.job, stages.stage
                    """)
            var energies: [String: JobEnergies] = [:]
            for row in rows {
                let (name, kind, energy): (String, String, Double) = (row["name"], row["kind"], row["energy"])
                if kind == StageKind.ml.rawValue {
                    energies[name, default: JobEnergies()].predicted = energy
                } else {
                    energies[name, default: JobEnergies()].calculated = energy
                }
            }
            return energies
        }
    }
}

extension SpoolClient {
    /// Returns the final energies of the jobs' stages, by the jobs' names.
    public func energies() throws -> [String: JobEnergies] { try withStore { try $0.energies() } }
}

/// Electronic properties of a geometry, computed by an engine.
public struct ElectronicProperties: Sendable, Equatable, Codable {
    /// Energy of the highest occupied and the lowest unoccupied orbital, eV.
    public var homo: Double?
    public var lumo: Double?
    /// Total magnetic moment, μB; nil for a spin-paired calculation.
    public var magneticMoment: Double?
    /// Dipole moment, e Å; for an ion about its centre of mass.
    public var dipole: [Double]?
    /// Contribution of the dispersion correction to the energy, eV.
    public var dispersionEnergy: Double?

    /// HOMO–LUMO gap, eV.
    public var gap: Double? {
        guard let homo, let lumo else { return nil }
        return max(0, lumo - homo)
    }

    /// Length of the dipole moment, e Å.
    public var dipoleLength: Double? {
        dipole.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    }

    /// Reads the properties that an engine wrote into a frame; nil if the frame has none.
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
