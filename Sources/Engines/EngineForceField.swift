public import Atomistics
import Crypto
import Foundation
import SocketEngine
import Synchronization
import SystemPackage

/// A force field computed by another program, through a socket, in a separate process group.
///
/// The program is started with the object (`ase:`) or at the first prediction (`command:`), is used for all geometries
/// of the same elements, and ends with the object. After an error the program is killed; the next prediction starts it
/// again.
public final class EngineForceField: ForceField {
    public let provenance: ForceFieldProvenance
    public let hasEnergy = true
    public let description: EngineDescription
    /// Total charge, e.
    public let charge: Int
    /// Spin multiplicity 2S+1. Nil means that the engine chooses it.
    public let multiplicity: Int?
    /// The longest time that starting an engine may take: importing a large library from a cold disk takes minutes.
    public static let startLimit = Duration.seconds(600)

    private let warnings: [String]
    private let python: String
    private let session: Mutex<EngineSession?>

    /// - Parameter python: the Python for an engine whose description names none.
    /// - Throws: ``EngineError`` if the engine cannot be started.
    public init(
        description: EngineDescription, charge: Int, multiplicity: Int? = nil, python: String = "python3"
    ) throws {
        (self.description, self.charge, self.multiplicity) = (description, charge, multiplicity)
        self.python = description.python ?? python
        let first: EngineSession?
        let identity: EngineIdentity
        do {
            switch description.source {
            case .calculator:
                let made = try EngineSession(calculator: description, python: self.python)
                (first, identity) = (made, made.identity)
            case .command: (first, identity) = (nil, try EngineIdentity(command: description))
            }
        } catch {
            throw EngineError.notStarted(engine: description.name, reason: "\(error)")
        }
        session = Mutex(first)
        provenance = ForceFieldProvenance(
            name: description.name, kind: "engine-\(description.kind.rawValue)", version: identity.version,
            levelOfTheory: identity.levelOfTheory)
        warnings =
            identity.passing == EngineDescription.ElectronPassing.none.rawValue
                && (charge != 0 || multiplicity.map { $0 != 1 } ?? false)
            ? [
                "the engine ‘\(description.name)’ does not support charge (\(charge)) and multiplicity, so "
                    + "its forces are those of the neutral system"
            ] : []
    }

    public func predict(_ atoms: Atoms) throws -> ForcePrediction {
        if let atom = atoms.positions.firstIndex(where: { !$0.isFinite }
        ) {
            throw ForceFieldError.notFinite(atom: atom)
        }
        let answer: SocketForces
        do {
            answer = try session.withLock { session in
                do {
                    return try evaluate(atoms, &session)
                } catch {
                    session?.end(failed: true)
                    session = nil
                    throw error
                }
            }
        } catch {
            throw EngineError.failed(engine: description.name, reason: "\(error)")
        }
        let forces = stride(from: 0, to: answer.forces.count, by: 3).map {
            SIMD3(answer.forces[$0], answer.forces[$0 + 1], answer.forces[$0 + 2])
        }
        return ForcePrediction(
            forces: forces, energy: answer.energy, classes: atoms.elements.map(\.symbol),
            outOfDomain: [Bool](repeating: false, count: atoms.count), warnings: warnings)
    }

    private func evaluate(_ atoms: Atoms, _ session: inout EngineSession?) throws -> SocketForces {
        if let old = session, old.symbols != nil, old.symbols != atoms.elements.map(\.symbol) {
            old.end(failed: false)
            session = nil
        }
        let current =
            if let session {
                session
            } else {
                switch description.source {
                case .calculator: try EngineSession(calculator: description, python: python)
                case .command(let command, let input):
                    try EngineSession(
                        command: command, input: input, description, atoms, charge: charge,
                        multiplicity: multiplicity ?? 1)
                }
            }
        session = current
        return try current.evaluate(atoms, charge: charge, multiplicity: multiplicity)
    }
}

/// The identity of an engine.
struct EngineIdentity {
    /// SHA-256 of everything that determines the results: the settings, and the calculator's version and checkpoint or
    /// the program's input template.
    var version: String
    var levelOfTheory: String
    /// The way in which charge and multiplicity are passed to a calculator; nil for a program.
    var passing: String?

    /// Reads the identity of an ASE calculator from the content of its `identity.json`.
    init(json: Data, _ description: EngineDescription) throws {
        struct Told: Decodable {
            var version: String
            var checkpoint: String?
            var level_of_theory: String
            var passing: String
        }
        let told = try JSONDecoder().decode(Told.self, from: json)
        let settings = try Self.settings(of: description)
        version = Self.digest([told.version, told.checkpoint ?? "", settings])
        levelOfTheory = told.level_of_theory + (told.checkpoint.map { " checkpoint sha256:\($0)" } ?? "")
        passing = told.passing
    }

    init(command description: EngineDescription) throws {
        guard case .command(let command, let input) = description.source else {
            preconditionFailure("the description must be of a command")
        }
        let template = try input.map { try Data(contentsOf: URL(fileURLWithPath: $0)) } ?? Data()
        let digest = Self.digest([String(decoding: template, as: UTF8.self)])
        version = Self.digest([try Self.settings(of: description), digest])
        levelOfTheory =
            description.levelOfTheory ?? "\(command.first ?? "") input sha256:\(digest)"
        passing = nil
    }

    private static func settings(of description: EngineDescription) throws -> String {
        var relevant = description
        // These settings do not affect the results.
        (relevant.python, relevant.threads, relevant.timeout) = (nil, nil, 0)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(relevant), as: UTF8.self)
    }

    private static func digest(_ parts: [String]) -> String {
        var hash = SHA256()
        for part in parts { hash.update(data: Data("\(part.utf8.count) \(part)".utf8)) }
        return hash.finalize().map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}
