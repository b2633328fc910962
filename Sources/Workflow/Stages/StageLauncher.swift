internal import Atomistics
internal import DurableFiles
import Foundation
import Handoff
internal import JobSpec
import ModelLibrary
import Synchronization

/// Brings a stage together with what it needs: structure, force field, folder.
struct StageLauncher: Sendable {
    enum End: Sendable {
        case finished(StageReport, final: [UInt8])
        case published
        case stopped
        case failed(any Error)
    }

    private let spool: OpenSpool
    private let store: Store
    private let models: LoadedModels

    init(_ spool: OpenSpool, _ store: Store, _ configuration: DaemonConfiguration) {
        self.spool = spool
        self.store = store
        models = LoadedModels(ModelLibrary(searchPath: configuration.modelPath), configuration.forceField)
    }

    func run(_ record: JobRecord, stop: StopFlag) async throws -> End {
        try await onOwnThread {
            switch record.job.stages[record.machine.stage] {
            case .ml(let stage): try relax(record, stage, stop)
            case .dft(let stage): try publish(record, stage)
            }
        }
    }

    private func relax(_ record: JobRecord, _ stage: MLStage, _ stop: StopFlag) throws -> End {
        let run = MLStageRun(
            stage: stage, initial: try initial(of: record),
            forceField: try models.load(stage.model ?? record.job.model),
            folder: try JobFolder(spool, store).stageDirectory(of: record))
        var shown = ContinuousClock.now - .seconds(1)
        let end = try run.run(stop: stop) { step in
            let launches = try store.noteLaunch(of: record.id, step: step)
            guard launches <= JobMachine.maximumAttempts else {
                throw StageFailure(
                    "the daemon ended \(launches - 1) times while this job computed step \(step); it is not begun "
                        + "again")
            }
        } progress: { step, fmax in
            stop.beat()
            // Twice a second is enough for whoever watches.
            guard ContinuousClock.now - shown > .milliseconds(500) else { return }
            shown = .now
            try store.progress(of: record.id, step: step, fmax: fmax)
        }
        switch end {
        case .finished(let report, let final):
            try store.progress(of: record.id, step: report.verdict.steps, fmax: report.verdict.fmax)
            return .finished(report, final: final)
        case .stopped: return .stopped
        }
    }

    private func publish(_ record: JobRecord, _ stage: DFTStage) throws -> End {
        let place = record.machine.stage
        let ended = try store.stages(of: record.id).last { $0.stage == place - 1 }
        var forceField: (any ForceField)?
        if place > 0, case .ml(let before) = record.job.stages[place - 1] {
            forceField = try models.load(before.model ?? record.job.model)
        }
        try DFTStageRun(store: store, spool: spool, record: record, stage: stage).publish(
            initial(of: record), reference: structure(record.structure), forceField: forceField,
            origin: origin(ended, forceField), in: JobFolder(spool, store).directory(of: record))
        return .published
    }

    private func origin(_ ended: StageRecord?, _ forceField: (any ForceField)?) -> GeometryOrigin {
        guard let ended else { return GeometryOrigin(description: "the job's structure as it was given") }
        let verdict = ended.report.verdict
        let provenance = forceField?.provenance
        return GeometryOrigin(
            description: "stage \(ended.stage + 1) (\(ended.report.kind.rawValue)), step \(verdict.steps)",
            model: provenance?.name, modelVersion: provenance?.version,
            levelOfTheory: provenance?.levelOfTheory, steps: verdict.steps, fmax: verdict.fmax)
    }

    /// What the job's current stage begins with: what the stage before ended with.
    func initial(of record: JobRecord) throws -> Atoms {
        guard record.machine.stage > 0 else { return try structure(record.structure) }
        guard
            let before = try store.stages(of: record.id).last(where: { $0.stage == record.machine.stage - 1 })
        else { throw StageFailure("the stage before has no result") }
        var atoms = try structure(before.final)
        // Which atoms are free is said by the job's own structure.
        atoms.moveMask = try structure(record.structure).moveMask
        return atoms
    }

    private func structure(_ digest: Digest) throws -> Atoms {
        guard let bytes = try spool.blobs.read(digest) else {
            throw StageFailure("the structure \(digest) is not in the store any more")
        }
        guard let atoms = try ExtXYZ.frames(in: bytes, label: "structure \(digest)").last else {
            throw StageFailure("the structure \(digest) is empty")
        }
        return atoms
    }
}

/// Force fields that are in use, each loaded once.
private final class LoadedModels: Sendable {
    private let library: ModelLibrary
    private let loaded = Mutex<[String: any ForceField]>([:])

    private let other: (@Sendable (String) throws -> any ForceField)?

    init(_ library: ModelLibrary, _ other: (@Sendable (String) throws -> any ForceField)?) {
        self.library = library
        self.other = other
    }

    func load(_ name: String) throws -> any ForceField {
        if let other { return try other(name) }
        let path = try library.path(of: name)
        // A model that was trained anew is another file under the same name.
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        let key = "\(path) \(attributes[.systemFileNumber] ?? "") \(attributes[.modificationDate] ?? "")"
        if let known = loaded.withLock({ $0[key] }) { return known }
        let forceField = try library.load(name)
        loaded.withLock { $0[key] = forceField }
        return forceField
    }
}
