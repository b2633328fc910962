/// The engine's end of i-PI's protocol: answers a driver's geometries with energies and forces.
public struct SocketForceServer: Sendable {
    public struct Options: Sendable, Equatable {
        /// Longest wait for the driver's next message; drivers may compute for long between two geometries.
        public var idle: Duration = .seconds(86_400)
        public var limits = SocketLimits()

        public init() {}
    }

    private let wire: Wire
    private let options: Options

    public init(_ stream: SocketStream, _ options: Options = Options()) {
        wire = Wire(stream: stream, limits: options.limits)
        self.options = options
    }

    /// Serves until the driver sends EXIT or closes the connection between two geometries.
    ///
    /// - Parameter evaluate: computes energy and forces of a geometry. The cell of the geometry is nil if the driver
    ///   sent a cell without volume. An error that `evaluate` throws ends the connection.
    /// - Returns: the number of geometries that were evaluated.
    @discardableResult
    public func run(_ evaluate: (SocketGeometry) throws -> SocketForces) throws -> Int {
        var count = 0
        var result: SocketForces?
        while true {
            let message: Message
            do {
                message = try wire.message("the driver's next message", timeout: options.idle)
            } catch SocketEngineError.closed {
                return count
            }
            switch message {
            case .status: try wire.send(result == nil ? .ready : .haveData)
            case .initialize:
                _ = try wire.count("the number of the bead", upTo: Int(Int32.max))
                _ = try wire.text("the text of INIT")
            case .positions:
                let geometry = try receive()
                let forces = try evaluate(geometry)
                guard forces.forces.count == geometry.positions.count else {
                    throw SocketEngineError.atomCount(
                        expected: geometry.atoms, received: forces.forces.count / 3)
                }
                result = forces
                count += 1
            case .getForce:
                guard let forces = result else {
                    throw SocketEngineError.protocolViolation("received GETFORCE before POSDATA")
                }
                try send(forces)
                result = nil
            case .exit: return count
            case .needInit, .ready, .haveData, .forceReady:
                throw SocketEngineError.protocolViolation("a driver sent \(message.rawValue)")
            }
        }
    }

    private func receive() throws -> SocketGeometry {
        let cell = Matrix3(AtomicUnits.lengths(try wire.doubles(9, "the cell"))).transposed
        // The inverse is not used. For a singular cell, drivers send arbitrary numbers as the inverse, including
        // infinities.
        _ = try wire.read(72, "the inverse cell")
        let count = try wire.count("the number of atoms", upTo: options.limits.atoms)
        let positions = try wire.doubles(3 * count, "a position")
        return SocketGeometry(
            positions: AtomicUnits.lengths(positions), cell: cell.volume == nil ? nil : cell.rows)
    }

    private func send(_ forces: SocketForces) throws {
        // At least one byte: some readers treat an empty text as the end of the connection.
        let extra = forces.extra.isEmpty ? [0] : forces.extra
        let payload =
            Wire.bytes(AtomicUnits.hartrees([forces.energy])) + Wire.bytes(forces.forces.count / 3)
            + Wire.bytes(AtomicUnits.atomicForces(forces.forces))
            + Wire.bytes(AtomicUnits.hartrees(Matrix3(forces.virial).transposed.rows))
            + Wire.bytes(extra.count) + extra
        try wire.send(.forceReady, payload)
    }
}
