import ArgumentParser
import Atomistics
import Foundation
import SocketEngine
import Workflow

struct ServeForces: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve-forces",
        abstract: "Serve a model's energies and forces to ASE, i-PI or LAMMPS through a socket.",
        discussion: """
            Connects to a driver that speaks the i-PI protocol and serves it until the driver ends. The protocol does \
            not transmit the elements: they are those of the structure, in its order.

              aurelax serve-forces ring4.xyz --model thiolate-gold --socket NAME
              aurelax serve-forces ring4.xyz --model thiolate-gold --socket 127.0.0.1:31415
            """)

    @Argument(help: "XYZ or extxyz file with the elements.", completion: .file())
    var input: String
    @OptionGroup var model: ModelOptions
    @Option(help: "Where the driver listens: NAME (/tmp/ipi_NAME), the path of a UNIX socket, or HOST:PORT.")
    var socket: String
    @Option(help: "Seconds for which to retry if the driver does not listen yet.")
    var patience = 60.0

    func run() throws {
        guard patience >= 0, patience <= 1e6 else {
            throw ValidationError("--patience is 0 to 1000000 seconds")
        }
        let structure = try lastFrame(of: input)
        let forceField = try model.forceField(for: structure)
        guard forceField.hasEnergy else {
            throw CommandError(.failed, "\(model.model) has no energies, which the protocol requires")
        }
        do {
            let stream = try SocketStream.connect(
                to: SocketAddress(argument: socket), patience: .seconds(patience))
            let count = try SocketForceServer(stream).run { geometry in
                try forces(geometry, structure, forceField)
            }
            printError("\(count) \(count == 1 ? "geometry" : "geometries") evaluated")
        } catch let error as SocketEngineError {
            throw CommandError(.failed, "\(socket): \(error)")
        }
    }

    private func forces(
        _ geometry: SocketGeometry, _ structure: Atoms, _ forceField: any ForceField
    ) throws -> SocketForces {
        guard geometry.atoms == structure.count else {
            throw SocketEngineError.atomCount(expected: structure.count, received: geometry.atoms)
        }
        let positions = stride(from: 0, to: geometry.positions.count, by: 3).map {
            SIMD3(geometry.positions[$0], geometry.positions[$0 + 1], geometry.positions[$0 + 2])
        }
        let prediction = try forceField.predict(Atoms(elements: structure.elements, positions: positions))
        guard let energy = prediction.energy else {
            throw SocketEngineError.notFinite("the energy")
        }
        return SocketForces(energy: energy, forces: prediction.forces.flatMap { [$0.x, $0.y, $0.z] })
    }
}
