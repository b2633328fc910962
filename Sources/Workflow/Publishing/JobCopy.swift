internal import DurableFiles
import Foundation
internal import JobSpec

/// The store's data about a job, kept beside the job's results, from which a lost store is rebuilt.
struct JobCopy: Codable {
    static let version = 1
    static let file = ".aurelax-job.json"

    var aurelaxJob = version
    var job: Job
    var file: Digest
    var structure: Digest
    var state: JobState
    var reason: String
    var stage: Int
    var attempt: Int
    var accepted: Date
    var updated: Date
    var stages: [StageRecord]
    var packages: [PackageRecord]
    var history: [JobHistoryEntry]

    init(_ record: JobRecord, in store: Store) throws {
        job = record.job
        (file, structure) = (record.file, record.structure)
        (state, reason) = (record.machine.state, record.machine.reason)
        (stage, attempt) = (record.machine.stage, record.machine.attempt)
        (accepted, updated) = (record.accepted, record.updated)
        stages = try store.stages(of: record.id)
        packages = try store.packages(of: record.id)
        history = try store.history(of: record.id)
    }

    var bytes: [UInt8] {
        get throws {
            let encoder = StageReport.encoder
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(self)) + [10]
        }
    }

    /// - Throws: `DecodingError` if it is not such a copy; ``WorkflowError`` for a later version.
    init(_ bytes: [UInt8]) throws {
        let decoder = StageReport.decoder
        let found = try decoder.decode(Version.self, from: Data(bytes)).aurelaxJob
        guard found <= Self.version else {
            throw WorkflowError.notAllowed("it has version \(found), this program knows \(Self.version)")
        }
        self = try decoder.decode(Self.self, from: Data(bytes))
        guard job.plan.indices.contains(stage), attempt >= 1, Job.isName(job.name) else {
            throw WorkflowError.notAllowed("it contradicts itself")
        }
    }

    private struct Version: Decodable { let aurelaxJob: Int }
}
