import GRDB

/// What a job's stages ended with, eV; a model's energy is none of a calculation's.
public struct JobEnergies: Sendable, Equatable {
    /// Of the last calculation outside.
    public var calculated: Double?
    /// Of the last ML stage.
    public var predicted: Double?
}

extension Store {
    /// Energies by the jobs' names, of all jobs in one query.
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
    /// Energies that the jobs' stages ended with, by the jobs' names.
    public func energies() throws -> [String: JobEnergies] { try withStore { try $0.energies() } }
}
