public import Atomistics

extension Relaxer {
    private static let mark = Array("aurelax relaxation\n".utf8)
    private static let format = 1

    /// Everything that the next step depends on, every number by its bits; for its owner to publish whole.
    ///
    /// About 8 (3N)² bytes with a method that keeps a Hessian of N moving atoms, else some hundred bytes an atom.
    /// Columns and keys of the structure are kept as an extxyz file keeps them.
    public var checkpoint: [UInt8] {
        var writer = CheckpointWriter()
        writer.append(Self.mark)
        writer.write(Self.format)
        writer.write(forceField.provenance.version)
        writer.write(settings)
        writer.write(initial)
        writer.write(state.status)
        writer.write(state.current)
        writer.write(state.best)
        writer.write(state.optimizer != nil)
        state.optimizer?.write(to: &writer)
        writer.write(state.departure)
        writer.write(state.place)
        writer.write(state.progress)
        return writer.bytes
    }

    /// The relaxation that a ``checkpoint`` was taken of, to go on with the same model.
    public init(resuming checkpoint: [UInt8], forceField: any ForceField) throws(CheckpointError) {
        var reader = CheckpointReader(checkpoint)
        guard checkpoint.starts(with: Self.mark), try reader.raw(Self.mark.count) == Self.mark else {
            throw .notACheckpoint
        }
        let format: Int = try reader.read()
        guard format == Self.format else { throw .format(found: format, supported: Self.format) }
        let version: String = try reader.read()
        guard version == forceField.provenance.version else {
            throw .otherModel(found: version, given: forceField.provenance.version)
        }
        let settings: RelaxationSettings = try reader.read()
        let initial: Atoms = try reader.read()
        if let problem = settings.problem(atoms: initial.count) {
            throw .corrupt("settings that make no sense: \(problem)")
        }
        self.init(initial, forceField: forceField, settings: settings)
        state.status = try reader.read()
        state.current = try reader.read()
        state.best = try reader.read()
        if try reader.read() { state.optimizer = try settings.optimizer.read(from: &reader) }
        state.departure = try reader.read()
        state.place = try reader.read()
        state.progress = try reader.read()
        guard reader.isAtEnd else { throw .corrupt("bytes past its end") }
        try requireOneSize()
    }

    /// What was read fits together, so that a damaged checkpoint is an error and no trap.
    private func requireOneSize() throws(CheckpointError) {
        let frames = [state.current, state.best].compactMap { $0 }
        guard frames.allSatisfy({ $0.atoms.count == initial.count }),
            state.departure.map({ $0.isFree.count == active.count }) ?? true,
            state.optimizer.map({ $0.fits(3 * active.count) }) ?? true,
            (state.optimizer == nil) == (state.departure == nil),
            state.place.segment < settings.alternation?.segments.count ?? 1,
            state.progress.fits(active.count, step: state.current?.step ?? 0)
        else { throw .corrupt("parts of different sizes") }
    }
}
