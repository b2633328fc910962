import Atomistics

extension Atoms: Checkpointed {
    func write(to writer: inout CheckpointWriter) { writer.write(Bytes(ExtXYZ.bytes(of: [self]))) }

    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        let bytes: Bytes = try reader.read()
        guard let frames = try? ExtXYZ.frames(in: bytes.bytes, label: "checkpoint"), frames.count == 1 else {
            throw .corrupt("a structure that cannot be read")
        }
        self = frames[0]
    }

    private struct Bytes: Checkpointed {
        let bytes: [UInt8]

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        func write(to writer: inout CheckpointWriter) {
            writer.write(bytes.count)
            writer.append(bytes)
        }

        init(from reader: inout CheckpointReader) throws(CheckpointError) {
            bytes = try reader.raw(try reader.length())
        }
    }
}

extension ForcePrediction: Checkpointed {
    func write(to writer: inout CheckpointWriter) {
        writer.write(forces)
        writer.write(energy)
        writer.write(uncertainty)
        writer.write(classes)
        writer.write(outOfDomain)
        writer.write(warnings)
    }

    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        self.init(
            forces: try reader.read(), energy: try reader.read(), uncertainty: try reader.read(),
            classes: try reader.read(), outOfDomain: try reader.read(), warnings: try reader.read())
        guard uncertainty.map({ $0.count == forces.count }) ?? true, classes.count == forces.count,
            outOfDomain.count == forces.count
        else { throw .corrupt("a prediction of different numbers of atoms") }
    }
}

extension RelaxationFrame: Checkpointed {
    func write(to writer: inout CheckpointWriter) {
        writer.write(step)
        writer.write(atoms)
        writer.write(prediction)
        writer.write(fmax)
        writer.write(rmsForce)
        writer.write(segmentFmax)
        writer.write(frozen)
    }

    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        step = try reader.read()
        atoms = try reader.read()
        prediction = try reader.read()
        fmax = try reader.read()
        rmsForce = try reader.read()
        segmentFmax = try reader.read()
        frozen = try reader.read()
        guard atoms.count == prediction.forces.count, step >= 0 else {
            throw .corrupt("a prediction of another structure")
        }
    }
}

extension RelaxationStatus: Checkpointed {
    func write(to writer: inout CheckpointWriter) {
        switch self {
        case .running: writer.write(0)
        case .converged: writer.write(1)
        case .stepLimit: writer.write(2)
        case .stopped(.belowUncertainty(let ratio, let factor)):
            writer.write(3)
            writer.write(ratio)
            writer.write(factor)
        case .stopped(.stagnation(let step, let fmax)):
            writer.write(4)
            writer.write(step)
            writer.write(fmax)
        case .stopped(.cycle(let period)):
            writer.write(5)
            writer.write(period)
        case .stopped(.outOfDomain(let frozen)):
            writer.write(6)
            writer.write(frozen)
        }
    }

    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        let kind: Int = try reader.read()
        switch kind {
        case 0: self = .running
        case 1: self = .converged
        case 2: self = .stepLimit
        case 3:
            self = .stopped(.belowUncertainty(largestRatio: try reader.read(), factor: try reader.read()))
        case 4: self = .stopped(.stagnation(since: try reader.read(), fmax: try reader.read()))
        case 5: self = .stopped(.cycle(period: try reader.read()))
        case 6: self = .stopped(.outOfDomain(frozen: try reader.read()))
        default: throw .corrupt("an unknown state")
        }
    }
}
