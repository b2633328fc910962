internal import Atomistics
internal import DurableFiles
internal import Engines
import Foundation
import Handoff
internal import JobSpec
import ModelLibrary
import Synchronization
import SystemPackage

/// The part of the daemon that starts stages, each with its structure, force field and folder.
struct StageLauncher: Sendable {
    enum End: Sendable {
        case finished(StageReport, final: [UInt8])
        case published
        /// The ML stage's task is in its folder, for another machine.
        case handedOut
        case stopped
        case failed(any Error)
    }

    let spool: OpenSpool
    let store: Store
    let models: LoadedModels
    private let handsOutML: Bool
    let engines: SpoolEngines
    /// Python for engines whose description names none.
    private let python: String

    init(_ spool: OpenSpool, _ store: Store, _ configuration: DaemonConfiguration) {
        self.spool = spool
        self.store = store
        models = LoadedModels(ModelLibrary(searchPath: configuration.modelPath), configuration.forceField)
        handsOutML = configuration.handsOutML
        (engines, python) = (SpoolEngines(spool.spool), configuration.python)
    }

    func run(_ record: JobRecord, stop: StopFlag) async throws -> End {
        try await onOwnThread {
            switch record.planned.work {
            // A stage with an engine is computed by the daemon, because the nodes of a cluster do not have the
            // engines.
            case .ml(let stage):
                return try handsOutML && stage.engine == nil
                    ? handOut(record, stage) : relax(record, stage, stop)
            case .dft(let stage): return try publish(record, stage, stop)
            case .singlePoints(let stage):
                try publish(record, stage)
                return .published
            }
        }
    }

    private func relax(_ record: JobRecord, _ stage: MLStage, _ stop: StopFlag) throws -> End {
        let folder = try JobFolder(spool, store).stageDirectory(of: record)
        let lock = try OutsideMLStage.takeBack(folder)
        defer { withExtendedLifetime(lock) {} }
        let learnt = try lesson(record, in: folder).map {
            try LearntModel.learn(
                $0, beginningWith: modelName(of: stage, in: record), models, in: folder)
        }
        if let engine = try stage.engine.map(engines.named) {
            stop.extraTime = .seconds(engine.timeout) + EngineForceField.startLimit
        }
        let run = MLStageRun(
            stage: stage, initial: try initial(of: record),
            forceField: try learnt?.model ?? model(of: stage, in: record), folder: folder)
        var shown = ContinuousClock.now - .seconds(1)
        let (end, restarts) = try run.resumingAfterEngineFailures(stop: stop) { step in
            let launches = try store.noteLaunch(of: record.id, step: step)
            guard launches <= JobMachine.maximumAttempts else {
                throw StageFailure(
                    "the daemon ended \(launches - 1) times while this job computed step \(step); the stage is not "
                        + "started again")
            }
        } progress: { step, fmax in
            stop.beat()
            // The progress is stored at most twice a second, which is enough for a display.
            guard ContinuousClock.now - shown > .milliseconds(500) else { return }
            shown = .now
            try store.progress(of: record.id, step: step, fmax: fmax)
        }
        switch end {
        case .finished(var report, let final):
            if let learnt { report.warnings.append(learnt.note) }
            report.warnings += restarts
            try store.progress(of: record.id, step: report.verdict.steps, fmax: report.verdict.fmax)
            return .finished(report, final: final)
        case .stopped: return .stopped
        }
    }

    private func handOut(_ record: JobRecord, _ stage: MLStage) throws -> End {
        let folder = try JobFolder(spool, store).stageDirectory(of: record)
        try OutsideMLStage(store: store, record: record, stage: stage, folder: folder).handOut(
            initial(of: record), model: modelName(of: stage, in: record), models,
            lesson: lesson(record, in: folder))
        return .handedOut
    }

    /// Returns the result of an ML stage from another machine; nil while there is no result.
    ///
    /// - Throws: ``StageFailure`` if the files are not the result of this stage.
    func outsideResult(of record: JobRecord, _ stage: MLStage) throws -> (
        report: StageReport, final: [UInt8]
    )? {
        let folder = try JobFolder(spool, store).stageDirectory(of: record)
        return try OutsideMLStage(store: store, record: record, stage: stage, folder: folder).result(models)
    }

    /// Computes the input of a package and publishes the package. The Hessian of a large structure takes
    /// minutes; the computation ends if the stage is asked to stop.
    private func publish(_ record: JobRecord, _ stage: DFTStage, _ stop: StopFlag) throws -> End {
        struct Stopped: Error {}
        let ended = try before(record)
        let forceField = try ended.flatMap {
            try record.mlEngine(of: $0) != nil ? nil : model(of: $0, in: record)
        }
        let atoms = try initial(of: record)
        let run = DFTStageRun(
            package: OutsidePackage(store: store, spool: spool, record: record), stage: stage,
            engine: try packagedEngine(of: stage))
        do {
            try run.publish(
                atoms, reference: structure(record.structure),
                hessian: {
                    if let left = try ended.flatMap({ try hessian(of: $0, record) }) { return left }
                    return try forceField?.hessian(atoms) { _, _ in
                        stop.beat()
                        if stop.isStopping { throw Stopped() }
                    }
                },
                base: { try base(of: stage, record, atoms) },
                origin: origin(ended),
                in: JobFolder(spool, store).directory(of: record))
        } catch is Stopped {
            return .stopped
        }
        return .published
    }

    /// Returns the base of a calculation's learning relaxation, and geometries with energies and forces to learn
    /// from first.
    private func base(
        of stage: DFTStage, _ record: JobRecord, _ atoms: Atoms
    ) throws -> (base: LearningBase, learnt: [Atoms]) {
        let choice = LearningBaseChoice(
            stage: stage, record: record, models: models, engines: engines, python: python, atoms: atoms,
            ended: try store.stages(of: record.id))
        guard stage.base.hasPrefix(DFTStage.learntPrefix) else { return (try choice.base(), []) }
        let earlier = String(stage.base.dropFirst(DFTStage.learntPrefix.count))
        guard let known = try store.job(named: earlier) else {
            throw StageFailure("this spool has no job ‘\(earlier)’ to learn from")
        }
        return try choice.learnt(
            from: JobName(of: known.job), in: JobFolder(spool, store).directory(of: known),
            store.stages(of: known.id))
    }

    /// Returns the Hessian at the end of an ML stage, if another machine computed the stage and wrote a
    /// Hessian.
    private func hessian(of ended: StageRecord, _ record: JobRecord) throws -> [Double]? {
        let job = try JobFolder(spool, store).directory(of: record)
        guard ended.report.kind == .ml, let folder = try StageFolder(ended, of: record).open(in: job) else {
            return nil
        }
        return try OutsideMLStage.hessian(in: folder, of: ended.final)
    }

    /// Returns the engine's definition for a package; nil for GPAW and tblite.
    ///
    /// - Throws: ``StageFailure`` if `aurelax.yaml` no longer has the engine, or if the engine is a machine-learned
    ///   model.
    func packagedEngine(of stage: DFTStage) throws -> PackagedEngine? {
        guard case .spool(let name) = stage.engine else { return nil }
        let description = try engines.named(name)
        guard description.kind != .ml else {
            throw StageFailure(
                "the engine ‘\(name)’ is a machine-learned model, but a dft stage needs calculated forces")
        }
        return try PackagedEngine(description, multiplicity: stage.multiplicity)
    }

    private func origin(_ ended: StageRecord?) -> GeometryOrigin {
        guard let ended else { return GeometryOrigin(description: "the job's own structure") }
        let (report, verdict) = (ended.report, ended.report.verdict)
        let isML = report.kind == .ml
        return GeometryOrigin(
            description: "stage \(ended.stage + 1) (\(ended.report.kind.rawValue)), step \(verdict.steps)",
            model: isML ? Self.name(ofMethod: report.method) : nil, modelVersion: isML ? report.version : nil,
            levelOfTheory: isML ? report.levelOfTheory : nil, steps: verdict.steps, fmax: verdict.fmax)
    }

    /// Returns the name in the text of a method: `gfn1` of `gfn1 (engine-semiempirical)`.
    private static func name(ofMethod method: String) -> String {
        method.range(of: " (", options: .backwards).map { String(method[..<$0.lowerBound]) } ?? method
    }

    /// Returns the current stage if it is computed in a package; nil otherwise.
    func outside(_ record: JobRecord) -> (any OutsideStage)? {
        let package = OutsidePackage(store: store, spool: spool, record: record)
        switch record.planned.work {
        case .ml: return nil
        case .dft(let stage): return DFTStageRun(package: package, stage: stage, engine: nil)
        case .singlePoints(let stage): return SinglePointsRun(package: package, stage: stage, engine: nil)
        }
    }

    /// Returns the stage whose final structure the current stage starts from, ignoring single points; nil for
    /// the first stage.
    private func before(_ record: JobRecord) throws -> StageRecord? {
        let ended = try store.stages(of: record.id).filter {
            $0.stage < record.machine.stage && $0.report.kind != .singlePoints
        }
        guard let last = ended.last else { return nil }
        return last.report.goesBackTo.flatMap { place in ended.last { $0.stage == place } } ?? last
    }

    /// Returns the force field of an ML stage, or of the round to which a check belongs; nil for other stages.
    private func model(of stage: StageRecord, in record: JobRecord) throws -> (any ForceField)? {
        let planned = record.job.plan[stage.stage]
        if let round = planned.round { return try model(of: round, in: record) }
        guard case .ml(let ml) = planned.work else { return nil }
        return try model(of: ml, in: record)
    }

    /// Returns the name of the stage's model. The model for `auto` is chosen for the job's own structure, so
    /// that all stages of the job have the same model.
    private func modelName(of stage: MLStage, in record: JobRecord) throws -> String {
        let name = stage.model ?? record.job.model
        guard name == ModelLibrary.automatic else { return name }
        return try models.resolve(name, for: structure(record.structure))
    }

    private func model(of stage: MLStage, in record: JobRecord) throws -> any ForceField {
        guard let name = stage.engine else { return try models.load(modelName(of: stage, in: record)) }
        return try EngineForceField(
            description: engines.named(name), charge: record.job.charge, multiplicity: stage.multiplicity,
            python: python)
    }

    /// Returns the model of a round: the model that was trained before the round if there is one, else the
    /// stage's model.
    private func model(of round: PlannedStage.Round, in record: JobRecord) throws -> any ForceField {
        let stage = round.stages.lowerBound + 2 * round.number
        let attempt = try store.stages(of: record.id).filter { $0.stage == stage }.map(\.attempt).max() ?? 1
        let folder = StageFolder(JobName(of: record.job), stage: stage, kind: .ml, attempt: attempt)
        let learnt = try LearntModel(at: folder.path(in: spool.spool), models)?.model
        return try learnt ?? model(of: round.settings.ml, in: record)
    }

    /// Collects the training data for the model of the current round from the checks of the earlier rounds; nil
    /// if the model is not trained for this round.
    private func lesson(_ record: JobRecord, in folder: Directory) throws -> Lesson? {
        guard let round = record.planned.round, round.settings.learn, round.settings.ml.engine == nil,
            round.number > 0
        else {
            return nil
        }
        let checks = try store.stages(of: record.id).filter {
            round.stages.contains($0.stage) && $0.report.kind == .dft
        }
        return try Lesson(
            from: checks, in: folder, job: JobName(of: record.job),
            JobFolder(spool, store).directory(of: record)
        ) { check in try store.package(record.id, stage: check.stage, attempt: check.attempt)?.digest }
    }

    /// Returns the largest force error of the round's model, eV/Å, over the atoms that may move in the check;
    /// and that of the stage's initial model if the round has another model.
    ///
    /// - Parameter final: extxyz of the check's last geometry with its forces.
    func modelErrors(
        _ round: PlannedStage.Round, in record: JobRecord, final: [UInt8]
    ) throws -> (Double?, first: Double?) {
        guard let atoms = try ExtXYZ.frames(in: final, label: "the check's last frame").last,
            let forces = atoms.forces
        else { return (nil, nil) }
        let mask = try round.settings.check.move.mask(for: initial(of: record))
        func error(_ model: any ForceField) -> Double? {
            // If a model cannot treat the structure, its error is unknown, but the check still counts.
            guard let predicted = try? model.predict(atoms).forces else { return nil }
            return atoms.positions.indices.filter { mask?[$0] ?? true }
                .map { (predicted[$0] - forces[$0]).length }.max()
        }
        let model = try model(of: round, in: record)
        let first = try self.model(of: round.settings.ml, in: record)
        return (error(model), first: model.provenance == first.provenance ? nil : error(first))
    }

    /// Returns the initial structure of the job's current stage: the job's own structure for the first stage,
    /// otherwise the final structure of the stage that it starts from.
    func initial(of record: JobRecord) throws -> Atoms {
        guard record.machine.stage > 0 else { return try structure(record.structure) }
        guard let before = try before(record) else { throw StageFailure("the previous stage has no result") }
        var atoms = try structure(before.final)
        // The job's own structure determines which atoms may move.
        atoms.takeMoveMask(from: try structure(record.structure))
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

/// The force fields in use, each loaded once.
final class LoadedModels: Sendable {
    let library: ModelLibrary
    private let loaded = Mutex<[String: any ForceField]>([:])

    private let other: (@Sendable (String) throws -> any ForceField)?

    init(_ library: ModelLibrary, _ other: (@Sendable (String) throws -> any ForceField)?) {
        self.library = library
        self.other = other
    }

    /// Returns the name of the model; for `auto`, the name of the model that is chosen for the structure.
    func resolve(_ name: String, for atoms: Atoms) throws -> String {
        other == nil ? try library.resolve(name, for: atoms) { try load($0) } : name
    }

    func load(_ name: String) throws -> any ForceField {
        if let other { return try other(name) }
        let path = try library.path(of: name)
        // A retrained model is a new file under the same name, so the key contains the file's number and date.
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        let key = "\(path) \(attributes[.systemFileNumber] ?? "") \(attributes[.modificationDate] ?? "")"
        if let known = loaded.withLock({ $0[key] }) { return known }
        let forceField = try library.load(name)
        loaded.withLock { $0[key] = forceField }
        return forceField
    }
}
