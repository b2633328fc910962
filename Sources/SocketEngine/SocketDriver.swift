/// The driver's end of i-PI's protocol: sends geometries to an engine and receives energies and forces.
///
/// Only one thread at a time may use it. After an error the state of the connection is unknown, so close it.
public final class SocketDriver: Sendable {
    public struct Options: Sendable, Equatable {
        /// Longest time that the engine may take for an evaluation without sending anything.
        public var evaluation: Duration = .seconds(3600)
        public var limits = SocketLimits()
        /// The text of the INIT message, for an engine that requests this message.
        public var initialization: [UInt8] = [0]

        public init() {}
    }

    private let wire: Wire
    private let options: Options

    public init(_ stream: SocketStream, _ options: Options = Options()) {
        wire = Wire(stream: stream, limits: options.limits)
        self.options = options
    }

    /// Evaluates one geometry.
    ///
    /// - Throws: ``SocketEngineError``.
    public func evaluate(_ geometry: SocketGeometry) throws -> SocketForces {
        try send(geometry)
        return try receive(geometry)
    }

    /// Tells the engine that no further geometry follows. The engine may ignore this.
    public func end() { try? wire.send(.exit, timeout: .seconds(1)) }

    private func send(_ geometry: SocketGeometry) throws {
        switch try status() {
        case .ready: break
        case .needInit:
            let text = options.initialization
            try wire.send(.initialize, Wire.bytes(0) + Wire.bytes(text.count) + text)
            guard try status() == .ready else {
                throw SocketEngineError.protocolViolation("the engine is not ready after INIT")
            }
        case let other:
            throw SocketEngineError.protocolViolation(
                "received \(other.rawValue), expected READY or NEEDINIT")
        }
        // i-PI sends the lattice vectors as columns.
        let cell = Matrix3(geometry.cell ?? [Double](repeating: 0, count: 9))
        let payload =
            Wire.bytes(AtomicUnits.bohrs(cell.transposed.rows))
            + Wire.bytes(AtomicUnits.inverseBohrs(cell.inverse.transposed.rows))
            + Wire.bytes(geometry.atoms) + Wire.bytes(AtomicUnits.bohrs(geometry.positions))
        try wire.send(.positions, payload)
    }

    /// Asks for the engine's status. A busy engine answers only after its evaluation, so this waits until then.
    private func status() throws -> Message {
        try wire.send(.status)
        return try wire.message("the answer to STATUS", timeout: options.evaluation)
    }

    private func receive(_ geometry: SocketGeometry) throws -> SocketForces {
        let status = try status()
        guard status == .haveData else {
            throw SocketEngineError.protocolViolation("received \(status.rawValue), expected HAVEDATA")
        }
        try wire.send(.getForce)
        // Some engines begin to calculate only when they receive this message.
        let message = try wire.message("FORCEREADY", timeout: options.evaluation)
        guard message == .forceReady else {
            throw SocketEngineError.protocolViolation("received \(message.rawValue), expected FORCEREADY")
        }
        let energy = try wire.doubles(1, "the energy")
        let count = try wire.count("the number of atoms", upTo: options.limits.atoms)
        guard count == geometry.atoms else {
            throw SocketEngineError.atomCount(expected: geometry.atoms, received: count)
        }
        let forces = try wire.doubles(3 * count, "a force")
        let virial = try wire.doubles(9, "the virial")
        let extra = try wire.text("the extra text")
        return SocketForces(
            energy: AtomicUnits.energies(energy)[0], forces: AtomicUnits.forces(forces),
            virial: Matrix3(AtomicUnits.energies(virial)).transposed.rows, extra: extra)
    }
}
