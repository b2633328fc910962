import ArgumentParser
import Atomistics
import Engines
import Foundation
import LearningRelaxation
import LinearAlgebra
import ModelLibrary

/// The command that steers a relaxation in a package: `relaxation.py` starts it and asks for a geometry after
/// each gradient.
///
/// Each request and each reply is a line of JSON. The message types are at the end of this file;
/// docs/learning-relaxation.md describes the method.
struct Steer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "steer",
        abstract: "Propose the geometries of a relaxation, over standard input and output.",
        shouldDisplay: false)

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        let pipe = SteeringPipe()
        do {
            try steer(pipe)
        } catch let refusal as SteeringRefusal {
            try pipe.send(SteeringReply(refused: refusal.reason))
        }
    }

    private func steer(_ pipe: SteeringPipe) throws {
        guard let start = try pipe.receive(SteeringStart.self) else { return }
        var (machine, reply) = try makeMachine(start, pipe)
        try pipe.send(reply)
        while let received = try pipe.receive(SteeringMessage.self) {
            let message: SteeringFrame
            switch received {
            case .keep(let keep):
                try pipe.send(write(keep, start))
                continue
            case .frame(let frame): message = frame
            }
            do {
                try machine.observe(
                    message.positions.map { SIMD3($0) }, energy: message.energy,
                    forces: message.forces.map { SIMD3($0) })
                let proposal =
                    message.settle
                    ? try machine.lowerGeometry() : message.propose ? try machine.proposal() : nil
                try pipe.send(SteeringReply(machine, proposal))
            } catch let failure as PipeClosed {
                throw failure
            } catch {
                throw SteeringRefusal(reason: "\(error)")
            }
        }
    }

    private func makeMachine(_ start: SteeringStart, _ pipe: SteeringPipe) throws -> (
        LearningRelaxation, SteeringReply
    ) {
        guard start.steer == SteeringStart.protocolVersion else {
            throw SteeringRefusal(
                reason: "the package uses version \(start.steer) of the protocol, this program version "
                    + "\(SteeringStart.protocolVersion)")
        }
        let elements = try start.symbols.map { symbol in
            guard let element = Element(symbol: symbol) else {
                throw SteeringRefusal(reason: "\(symbol) is not an element")
            }
            return element
        }
        guard !elements.isEmpty, start.positions.count == elements.count,
            start.positions.allSatisfy({ $0.count == 3 })
        else {
            throw SteeringRefusal(
                reason:
                    "\(counted(elements.count, "symbol")) and \(counted(start.positions.count, "position")) were "
                    + "received; each atom needs a symbol and a position of three numbers")
        }
        guard start.fixed.allSatisfy({ elements.indices.contains($0) }),
            (start.fixedCoordinates ?? []).allSatisfy({ 0..<3 * elements.count ~= $0 })
        else {
            throw SteeringRefusal(
                reason: "the index of a fixed atom is not one of the \(counted(elements.count, "atom"))")
        }
        var atoms = Atoms(elements: elements, positions: start.positions.map { SIMD3($0) })
        try start.setCell(of: &atoms)
        var isFree = [Bool](repeating: true, count: atoms.count)
        for atom in start.fixed { isFree[atom] = false }
        var settings = LearningSettings()
        (settings.fmax, settings.maxStep) = (start.fmax, start.maxStep)
        if let floor = start.floor { settings.hessianFloor = floor }
        if let fall = start.expectedFall { settings.expectedFall = fall }
        if let radius = start.trustRadius { settings.trustRadius = radius }
        var hessian = start.hessian.map {
            Matrix(rows: 3 * atoms.count, columns: 3 * atoms.count, storage: $0)
        }
        let base = try base(start, atoms, pipe)
        var reply = SteeringReply(protocolVersion: SteeringStart.protocolVersion)
        var first = atoms
        let earlier = try (start.learnt ?? []).map { try labelled($0, in: start) }
        if case .forceField(let field) = base, start.relaxFirst == true || hessian == nil {
            do {
                let begin = try BaseStart(
                    atoms, isFree: isFree, fixedCoordinates: start.fixedCoordinates ?? [],
                    base: field,
                    relaxes: start.relaxFirst == true)
                first.positions = begin.positions
                hessian = begin.hessian
                reply.hessian = begin.hessian.storage
                reply.note = begin.refusal
                if start.relaxFirst == true {
                    (reply.baseSteps, reply.baseFmax) = (begin.steps, begin.fmax)
                    reply.positions = begin.positions.map { [$0.x, $0.y, $0.z] }
                }
            } catch let failure as PipeClosed {
                throw failure
            } catch {
                throw SteeringRefusal(reason: "the base cannot relax the structure: \(error)")
            }
        }
        var machine = try LearningRelaxation(
            start: first, isFree: isFree, fixedCoordinates: start.fixedCoordinates ?? [], base: base,
            hessian: hessian, settings: settings)
        try machine.learn(earlier)
        return (machine, reply)
    }

    /// Makes a structure with energy and forces from a frame of a message.
    ///
    /// - Parameter start: the first message. Its symbols apply to a frame that names none, its cell to every
    ///   frame.
    private func labelled(_ frame: SteeringFrame, in start: SteeringStart) throws -> Atoms {
        let elements = (frame.symbols ?? start.symbols).compactMap { Element(symbol: $0) }
        guard elements.count == frame.positions.count, frame.forces.count == elements.count else {
            throw SteeringRefusal(
                reason: "a labelled geometry has \(counted(elements.count, "symbol")), "
                    + "\(counted(frame.positions.count, "position")) and \(counted(frame.forces.count, "force")); each "
                    + "atom needs one of each")
        }
        var atoms = Atoms(elements: elements, positions: frame.positions.map { SIMD3($0) })
        try start.setCell(of: &atoms)
        (atoms.energy, atoms.forces) = (frame.energy, frame.forces.map { SIMD3($0) })
        return atoms
    }

    /// Writes the gradients of this relaxation and of the earlier job to a model file.
    private func write(_ keep: SteeringKeep, _ start: SteeringStart) throws -> SteeringReply {
        let frames = try ((start.learnt ?? []) + keep.frames).map { try labelled($0, in: start) }
        let base = start.base.flatMap { $0.kind == "none" ? nil : $0.name ?? $0.kind }
        do {
            try LearntRelaxation(
                base: base, levelOfTheory: keep.levelOfTheory, charge: start.charge ?? 0, frames: frames
            ).write(to: keep.path, name: keep.name)
        } catch {
            throw SteeringRefusal(reason: "\(keep.path) cannot be written: \(error)")
        }
        return SteeringReply(kept: frames.count)
    }

    private func base(_ start: SteeringStart, _ atoms: Atoms, _ pipe: SteeringPipe) throws -> Base {
        guard let base = start.base else { return .quadratic }
        switch base.kind {
        case "none": return .quadratic
        case "engine":
            if let description = base.engine {
                do {
                    return .forceField(
                        try EngineForceField(
                            description: description, charge: start.charge ?? 0,
                            python: ProcessInfo.processInfo.environment["AURELAX_PYTHON"] ?? "python3"))
                } catch {
                    throw SteeringRefusal(reason: "\(error)")
                }
            }
            return .forceField(
                PipeForceField(pipe, name: base.name ?? "engine", levelOfTheory: base.levelOfTheory ?? ""))
        case "model":
            let field = try model(base)
            guard field.hasEnergy else {
                throw SteeringRefusal(reason: "the base model \(field.provenance.name) has no energies")
            }
            return .forceField(field)
        default: throw SteeringRefusal(reason: "\(base.kind) is not a kind of base: model, engine or none")
        }
    }
}

extension Steer {
    /// Loads the base model: the file that the package names; otherwise the installed model of the same name.
    private func model(_ base: SteeringStart.Base) throws -> any ForceField {
        var found: [String] = []
        for name in [base.path, base.name].compactMap({ $0 }) {
            let field: any ForceField
            do {
                field = try Models.library.load(name)
            } catch {
                found.append("\(error)")
                continue
            }
            if let version = base.version, version != field.provenance.version {
                found.append(
                    "\(name) is another version (\(field.provenance.version.prefix(12)), not \(version.prefix(12)))"
                )
                continue
            }
            return field
        }
        throw SteeringRefusal(
            reason: "the base model was not found: "
                + (found.isEmpty ? "the package names none" : found.joined(separator: "; ")))
    }
}

/// The reason why no geometry can be proposed; the package then relaxes without this program.
struct SteeringRefusal: Error { let reason: String }

/// The program at the other end has closed the connection.
struct PipeClosed: Error {}

/// The first message: the structure, the settings and the base of the relaxation.
struct SteeringStart: Decodable {
    static let protocolVersion = 1

    struct Base: Decodable {
        var kind: String
        var name: String?
        var path: String?
        var version: String?
        var levelOfTheory: String?
        var engine: EngineDescription?

        enum CodingKeys: String, CodingKey {
            case kind, name, path, version, engine
            case levelOfTheory = "level_of_theory"
        }
    }

    var steer: Int
    var symbols: [String]
    var positions: [[Double]]
    /// Lattice vectors as rows, Å, and the vectors along which the structure repeats; nil for a molecule.
    var cell: [[Double]]?
    var pbc: [Bool]?
    var fixed: [Int]
    /// Fixed coordinates, as indices 3 · atom + axis.
    var fixedCoordinates: [Int]?
    var fmax: Double
    var maxStep: Double
    var floor: Double?
    var trustRadius: Double?
    var expectedFall: Double?
    /// Initial Hessian, eV/Å², 3N × 3N, row-major.
    var hessian: [Double]?
    var base: Base?
    /// Total charge, e.
    var charge: Int?
    /// Whether to relax on the base first and to answer with the minimum and its Hessian.
    var relaxFirst: Bool?
    /// Geometries of an earlier job with their energies and forces.
    var learnt: [SteeringFrame]?

    enum CodingKeys: String, CodingKey {
        case steer, symbols, positions, cell, pbc, fixed, fmax, floor, hessian, base, charge, learnt
        case relaxFirst = "relax_first"
        case fixedCoordinates = "fixed_coordinates"
        case maxStep = "max_step"
        case trustRadius = "trust_radius"
        case expectedFall = "expected_fall"
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        expectedFall = try values.decodeIfPresent(Double.self, forKey: .expectedFall)
        steer = try values.decode(Int.self, forKey: .steer)
        symbols = try values.decode([String].self, forKey: .symbols)
        positions = try values.decode([[Double]].self, forKey: .positions)
        cell = try values.decodeIfPresent([[Double]].self, forKey: .cell)
        pbc = try values.decodeIfPresent([Bool].self, forKey: .pbc)
        fixed = try values.decode([Int].self, forKey: .fixed)
        fixedCoordinates = try values.decodeIfPresent([Int].self, forKey: .fixedCoordinates)
        fmax = try values.decode(Double.self, forKey: .fmax)
        maxStep = try values.decode(Double.self, forKey: .maxStep)
        floor = try values.decodeIfPresent(Double.self, forKey: .floor)
        trustRadius = try values.decodeIfPresent(Double.self, forKey: .trustRadius)
        hessian = try values.decodeIfPresent([Double].self, forKey: .hessian)
        base = try values.decodeIfPresent(Base.self, forKey: .base)
        charge = try values.decodeIfPresent(Int.self, forKey: .charge)
        relaxFirst = try values.decodeIfPresent(Bool.self, forKey: .relaxFirst)
        learnt = try values.decodeIfPresent([SteeringFrame].self, forKey: .learnt)
        let size = 9 * symbols.count * symbols.count
        guard hessian.map({ $0.count == size }) ?? true else {
            throw DecodingError.dataCorruptedError(
                forKey: .hessian, in: values, debugDescription: "not \(size) values")
        }
    }
}

extension SteeringStart {
    /// Sets the cell of a geometry; a molecule has none.
    fileprivate func setCell(of atoms: inout Atoms) throws {
        guard let rows = cell, let repeats = pbc, repeats.contains(true) else { return }
        guard rows.count == 3, rows.allSatisfy({ $0.count == 3 }), repeats.count == 3 else {
            throw SteeringRefusal(reason: "the cell is not three vectors")
        }
        atoms.cell = Cell(SIMD3(rows[0]), SIMD3(rows[1]), SIMD3(rows[2]))
        atoms.periodicity = Periodicity(repeats[0], repeats[1], repeats[2])
    }
}

/// A request to learn from a gradient, or to write all gradients to a model file.
enum SteeringMessage: Decodable {
    case frame(SteeringFrame)
    case keep(SteeringKeep)

    private enum CodingKeys: String, CodingKey { case keep }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        if let keep = try values.decodeIfPresent(SteeringKeep.self, forKey: .keep) {
            self = .keep(keep)
        } else {
            self = .frame(try SteeringFrame(from: decoder))
        }
    }
}

/// The request to write what this relaxation learnt into a model file: the path of the file, and every frame
/// with its gradient.
struct SteeringKeep: Decodable {
    var path: String
    var name: String
    var levelOfTheory: String
    var frames: [SteeringFrame]

    enum CodingKeys: String, CodingKey {
        case path, name, frames
        case levelOfTheory = "level_of_theory"
    }
}

/// A geometry with the energy and forces that an engine computed.
struct SteeringFrame: Decodable {
    var positions: [[Double]]
    var energy: Double
    var forces: [[Double]]
    /// Given only for a geometry of an earlier job, whose atoms may have another order.
    var symbols: [String]?
    /// Whether to answer with the next geometry; false for frames that were answered in an earlier process.
    var propose: Bool
    /// Whether the forces are as small as requested. The answer then has a geometry only if its expected energy is
    /// lower.
    var settle: Bool

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        positions = try values.decode([[Double]].self, forKey: .positions)
        energy = try values.decode(Double.self, forKey: .energy)
        forces = try values.decode([[Double]].self, forKey: .forces)
        symbols = try values.decodeIfPresent([String].self, forKey: .symbols)
        propose = try values.decodeIfPresent(Bool.self, forKey: .propose) ?? false
        settle = try values.decodeIfPresent(Bool.self, forKey: .settle) ?? false
        guard (positions + forces).allSatisfy({ $0.count == 3 }) else {
            throw DecodingError.dataCorruptedError(
                forKey: .positions, in: values, debugDescription: "a vector does not have three components")
        }
    }

    enum CodingKeys: String, CodingKey { case positions, energy, forces, symbols, propose, settle }
}

/// The answer to a message: the next geometry and predictions, or the reason why there is none.
struct SteeringReply: Encodable {
    var steer: Int?
    var refused: String?
    var positions: [[Double]]?
    var method: String?
    var reason: String?
    var innerSteps: Int?
    var nextEnergy: Double?
    var nextFmax: Double?
    var energyDeviation: Double?
    var predictedEnergy: Double?
    var predictedFmax: Double?
    var forceError: Double?
    var quadraticError: Double?
    var trustRadius: Double?
    var bestStep: Int?
    var hessian: [Double]?
    var baseSteps: Int?
    var baseFmax: Double?
    var note: String?
    /// Number of geometries in the model file.
    var kept: Int?

    enum CodingKeys: String, CodingKey {
        case steer, refused, positions, method, reason, hessian, note, kept
        case baseSteps = "base_steps"
        case baseFmax = "base_fmax"
        case innerSteps = "inner_steps"
        case nextEnergy = "next_energy"
        case nextFmax = "next_fmax"
        case energyDeviation = "energy_deviation"
        case predictedEnergy = "predicted_energy"
        case predictedFmax = "predicted_fmax"
        case forceError = "force_error"
        case quadraticError = "quadratic_error"
        case trustRadius = "trust_radius"
        case bestStep = "best_step"
    }

    init(refused: String) { self.refused = refused }

    init(kept: Int) { self.kept = kept }

    init(protocolVersion: Int) { steer = protocolVersion }

    init(_ machine: LearningRelaxation, _ proposal: Proposal?) {
        let frame = machine.frames.last
        predictedEnergy = frame?.predictedEnergy
        predictedFmax = frame?.predictedFmax
        forceError = frame?.forceError
        quadraticError = frame?.quadraticError
        trustRadius = machine.trustRadius
        bestStep = machine.best
        positions = proposal?.positions.map { [$0.x, $0.y, $0.z] }
        method = proposal?.method.rawValue
        reason = proposal?.reason
        innerSteps = proposal?.innerSteps
        nextEnergy = proposal?.predictedEnergy
        nextFmax = proposal?.predictedFmax
        energyDeviation = proposal?.energyDeviation
    }
}

/// Lines of JSON over standard input and output.
final class SteeringPipe: @unchecked Sendable {
    private var buffer: [UInt8] = []
    /// Longest line that is read.
    private static let limit = 1 << 28

    /// Receives the next message; nil at the end of the input.
    func receive<Message: Decodable>(_ type: Message.Type) throws -> Message? {
        guard let line = try readLine() else { return nil }
        do {
            return try JSONDecoder().decode(type, from: Data(line))
        } catch {
            throw SteeringRefusal(reason: "a message cannot be read: \(error)")
        }
    }

    func send(_ message: some Encodable) throws {
        let encoder = JSONEncoder()
        let bytes = Array(try encoder.encode(message)) + [UInt8(ascii: "\n")]
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw PipeClosed() }
            sent += count
        }
    }

    private func readLine() throws -> [UInt8]? {
        var searched = 0
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[..<end])
                buffer.removeSubrange(...end)
                return line
            }
            searched = buffer.count
            guard buffer.count < Self.limit else { throw SteeringRefusal(reason: "a message is too long") }
            let count = read(0, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return nil }
            buffer += chunk[..<count]
        }
    }
}

/// A base that the program at the other end evaluates with its own calculator.
struct PipeForceField: ForceField {
    let provenance: ForceFieldProvenance
    private let pipe: SteeringPipe

    private struct Question: Encodable { var evaluate: [[Double]] }
    private struct Answer: Decodable {
        var energy: Double
        var forces: [[Double]]
    }

    init(_ pipe: SteeringPipe, name: String, levelOfTheory: String) {
        self.pipe = pipe
        provenance = ForceFieldProvenance(
            name: name, kind: "engine", version: "", levelOfTheory: levelOfTheory)
    }

    var hasEnergy: Bool { true }

    func predict(_ atoms: Atoms) throws -> ForcePrediction {
        try pipe.send(Question(evaluate: atoms.positions.map { [$0.x, $0.y, $0.z] }))
        guard let answer = try pipe.receive(Answer.self) else { throw PipeClosed() }
        guard answer.forces.count == atoms.count, answer.forces.allSatisfy({ $0.count == 3 }) else {
            throw SteeringRefusal(
                reason: "the base gave \(answer.forces.count) forces on \(atoms.count) atoms")
        }
        return ForcePrediction(
            forces: answer.forces.map { SIMD3($0) }, energy: answer.energy,
            classes: atoms.elements.map(\.symbol), outOfDomain: [Bool](repeating: false, count: atoms.count))
    }
}
