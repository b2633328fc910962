public import DurableFiles
import Foundation
import GRDB
public import JobSpec

/// A job in the store.
public struct JobRecord: Sendable, Identifiable {
    public let id: Int64
    public let job: Job
    /// Digest of the accepted job file.
    public let file: Digest
    /// Digest of the structure's text.
    public let structure: Digest
    public var machine: JobMachine
    /// Last recorded optimiser step and largest force norm of the current stage.
    public var step: Int?
    public var fmax: Double?
    public let accepted: Date
    public let updated: Date
    /// Counts every change, so that the outbox is compared with the store without a clock.
    let revision: Int
}

/// The data for accepting a job.
public struct Acceptance: Sendable {
    public let job: Job
    public let file: Digest
    public let structure: Digest
    /// Files to remove from the inbox.
    public let originals: [Original]

    public init(job: Job, file: Digest, structure: Digest, originals: [Original]) {
        self.job = job
        self.file = file
        self.structure = structure
        self.originals = originals
    }

    /// The same job file with the same structure is the same job, whenever it is dropped.
    var key: String { Digest(of: Array("\(file)\n\(structure)".utf8)).hexadecimal }
}

/// A claimed file of the inbox with its status at the claim.
public struct Original: Sendable, Equatable {
    public let name: [UInt8]
    public let identity: FileIdentity
    public let size: Int
    public let modified: Int64

    public init(name: [UInt8], status: FileStatus) {
        self.init(name: name, identity: status.identity, size: status.size, modified: status.modified)
    }

    init(name: [UInt8], identity: FileIdentity, size: Int, modified: Int64) {
        self.name = name
        self.identity = identity
        self.size = size
        self.modified = modified
    }

    func matches(_ status: FileStatus) -> Bool {
        status.identity == identity && status.size == size && status.modified == modified
    }
}

/// The answer of the store to a job that is to be accepted.
public enum AcceptanceResult: Sendable {
    case accepted(JobRecord)
    /// The same file with the same structure was dropped before.
    case duplicate(of: JobRecord)
    /// Another job has that name.
    case nameTaken(by: JobRecord)
}

/// A stage that ended.
public struct StageRecord: Sendable, Codable {
    public let stage: Int
    public let attempt: Int
    public let report: StageReport
    /// Digest of the stage's final structure.
    public let final: Digest
    public let ended: Date
}

/// A package that was handed out, or is about to be.
public struct PackageRecord: Sendable, Equatable, Codable {
    public let job: Int64
    public let stage: Int
    public let attempt: Int
    public let folder: String
    /// Digest of the manifest.
    public let digest: Digest

    init(job: Int64, stage: Int, attempt: Int, folder: String, digest: Digest) {
        (self.job, self.stage, self.attempt) = (job, stage, attempt)
        (self.folder, self.digest) = (folder, digest)
    }
}

/// A line of a job's history.
public struct JobHistoryEntry: Sendable, Equatable, Codable {
    public let at: Date
    public let text: String

    /// Returns a line of JSON for programs that follow the history: `{"at": "2026-11-23T12:00:00Z", "job":
    /// "ring4", "text": "…"}`.
    public func jsonLine(of job: String) throws -> String {
        struct Line: Encodable { let at, job, text: String }
        let line = Line(at: timestamp(at), job: job, text: text)
        return String(decoding: try JSONEncoder.line.encode(line), as: UTF8.self) + "\n"
    }
}

extension PackageRecord {
    init(_ row: Row) throws {
        self.init(
            job: row["job"], stage: row["stage"], attempt: row["attempt"], folder: row["folder"],
            digest: try JobRecord.digest(row["digest"]))
    }
}

extension JobRecord {
    init(_ row: Row) throws {
        id = row["id"]
        let text: String = row["spec"]
        job = try JSONDecoder().decode(Job.self, from: Data(text.utf8))
        file = try Self.digest(row["file"])
        structure = try Self.digest(row["structure"])
        let word: String = row["state"]
        guard let state = JobState(rawValue: word) else {
            throw DatabaseError(message: "unknown state \(word)")
        }
        let stages = job.plan.map(\.kind)
        let stage: Int = row["stage"]
        guard stages.indices.contains(stage) else { throw DatabaseError(message: "no stage \(stage)") }
        machine = JobMachine(
            state: state, reason: row["reason"], stage: stage, attempt: row["attempt"], stages: stages)
        step = row["step"]
        fmax = row["fmax"]
        accepted = Date(timeIntervalSince1970: row["accepted"])
        updated = Date(timeIntervalSince1970: row["updated"])
        revision = row["revision"]
    }

    static func digest(_ text: String) throws -> Digest {
        guard let digest = Digest(hexadecimal: text) else {
            throw DatabaseError(message: "\(text) is not a digest")
        }
        return digest
    }
}

extension PlannedStage {
    public var kind: StageKind {
        switch work {
        case .ml: .ml
        case .dft: .dft
        case .singlePoints: .singlePoints
        }
    }
}

extension JobRecord {
    /// The current stage of the job.
    var planned: PlannedStage { job.plan[machine.stage] }

    /// The engine that an ML stage used in place of a model; nil if it used a model, or for another kind of stage.
    func mlEngine(of ended: StageRecord) -> String? {
        let planned = job.plan[ended.stage]
        if let round = planned.round { return round.settings.ml.engine }
        guard case .ml(let stage) = planned.work else { return nil }
        return stage.engine
    }
}
