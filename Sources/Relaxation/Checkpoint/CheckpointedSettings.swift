/// Choices are written by their names.
private func choice<Value: RawRepresentable<String>>(
    _ reader: inout CheckpointReader
) throws(CheckpointError) -> Value {
    let name: String = try reader.read()
    guard let value = Value(rawValue: name) else { throw .corrupt("an unknown choice, ‘\(name)’") }
    return value
}

extension RelaxationSettings: Checkpointed {
    func write(to writer: inout CheckpointWriter) {
        writer.write(optimizer.rawValue)
        writer.write(fmax)
        writer.write(maxSteps)
        writer.write(maxStep)
        writer.write(movable)
        writer.write(startHessian)
        writer.write(alternation)
        writer.write(atSwitch.rawValue)
        writer.write(resetEvery)
        writer.write(removesNetForce)
        writer.write(removesNetTorque)
        writer.write(stops.belowUncertainty)
        writer.write(stops.stagnation)
        writer.write(stops.cycle)
        writer.write(trustedError)
        writer.write(freezesOutOfDomain)
        writer.write(best.rawValue)
    }

    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        self.init()
        optimizer = try choice(&reader)
        fmax = try reader.read()
        maxSteps = try reader.read()
        maxStep = try reader.read()
        movable = try reader.read()
        startHessian = try reader.read()
        alternation = try reader.read()
        atSwitch = try choice(&reader)
        resetEvery = try reader.read()
        removesNetForce = try reader.read()
        removesNetTorque = try reader.read()
        stops.belowUncertainty = try reader.read()
        stops.stagnation = try reader.read()
        stops.cycle = try reader.read()
        trustedError = try reader.read()
        freezesOutOfDomain = try reader.read()
        best = try choice(&reader)
    }
}

extension StartHessian: Checkpointed {
    func write(to writer: inout CheckpointWriter) {
        switch self {
        case .unit(let scale):
            writer.write(0)
            writer.write(scale)
        case .model(let floor):
            writer.write(1)
            writer.write(floor)
        case .given(let values, let floor):
            writer.write(2)
            writer.write(values)
            writer.write(floor)
        }
    }

    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        let kind: Int = try reader.read()
        switch kind {
        case 0: self = .unit(try reader.read())
        case 1: self = .model(floor: try reader.read())
        case 2: self = .given(try reader.read(), floor: try reader.read())
        default: throw .corrupt("an unknown start of the Hessian")
        }
    }
}

extension Alternation: Checkpointed {
    func write(to writer: inout CheckpointWriter) {
        writer.write(segments)
        writer.write(rounds)
    }

    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        self.init(segments: try reader.read(), rounds: try reader.read())
    }
}

extension Alternation.Segment: Checkpointed {
    func write(to writer: inout CheckpointWriter) {
        writer.write(movable)
        writer.write(steps)
    }

    init(from reader: inout CheckpointReader) throws(CheckpointError) {
        self.init(movable: try reader.read(), steps: try reader.read())
    }
}
