import Atomistics
import DurableFiles
import Foundation
import Handoff
import OrderedCollections

/// A result folder as the scripts write it, for atoms on springs: E = −100 + ½ k Σ |r − r₀|², F = −k (r − r₀). Energies
/// and forces are therefore consistent, as in a calculation.
struct ResultSample {
    var frames: [Atoms]
    var status: [String: JSONValue]
    var marker: [String: JSONValue]
    var listed: [ReturnedFile] = [.trajectory, .final, .status]

    /// Index of the frame that is written as the final structure. Nil means the last frame.
    var final: Int?

    static let stiffness = 8.0

    /// Makes a result that converged after the given number of steps.
    init(of package: HandoffPackage, shrinking factor: Double = 0.4, steps: Int = 6) {
        let expectation = package.expectation
        let start = expectation.positions.map { SIMD3($0[0], $0[1], $0[2]) }
        let rest = start.enumerated().map { $1 + SIMD3(0.05, -0.1, 0.02) * Double($0 % 3) }
        let inputs = expectation.inputs.hexadecimal
        var frames: [Atoms] = []
        var scale = 1.0
        for step in 0...steps {
            var atoms = Atoms(
                elements: expectation.symbols.compactMap { Element(symbol: $0) },
                positions: zip(start, rest).map { $1 + ($0 - $1) * scale })
            let springs = zip(atoms.positions, rest).map { $0 - $1 }
            atoms.forces = springs.map { -Self.stiffness * $0 }
            atoms.energy = springs.reduce(-100) { $0 + Self.stiffness / 2 * ($1 * $1).sum() }
            atoms.info["level_of_theory"] = .string(Self.level)
            atoms.info["inputs"] = .string("sha256:\(inputs)")
            atoms.info["step"] = .integer(step)
            frames.append(atoms)
            scale *= factor
        }
        self.frames = frames
        let identity: [String: JSONValue] = [
            "format": .integer(1), "job": .string("ring4"), "stage": .integer(1), "attempt": .integer(2),
            "inputs": .string(inputs),
        ]
        marker = identity.merging(["verdict": .string("converged")]) { $1 }
        status = identity.merging([
            "engine": .string("gpaw"), "level_of_theory": .string(Self.level), "charge": .integer(0),
            "verdict": .string("converged"), "message": .string("fmax is below"), "converged": .boolean(true),
            "steps": .integer(steps), "gradient_calls": .integer(steps + 1), "scf_cycles": .integer(77),
            "wall_time": .real(12.5), "ranks": .integer(2), "host": .string("lab3"),
            "versions": .object(["gpaw": .string("26.7.0"), "ase": .string("3.29.0")]),
            "warnings": .array([]),
            "units": .object([
                "length": .string("Angstrom"), "energy": .string("eV"), "force": .string("eV/Angstrom"),
                "time": .string("s"),
            ]),
        ]) { $1 }
    }

    static let level = "GPAW 26.7.0 PBE LCAO dzp h=0.2A FermiDirac 0.05eV non-periodic"

    mutating func end(_ verdict: ResultVerdict) {
        marker["verdict"] = .string(verdict.rawValue)
        status["verdict"] = .string(verdict.rawValue)
        status["converged"] = .boolean(verdict == .converged)
    }

    /// The files of the result, with a marker that has their sizes and checksums.
    var files: [ReturnedFile: [UInt8]] {
        get throws {
            var files: [ReturnedFile: [UInt8]] = [:]
            for file in listed {
                files[file] =
                    switch file {
                    case .trajectory: ExtXYZ.bytes(of: frames)
                    case .final: ExtXYZ.bytes(of: [frames[final ?? frames.count - 1]])
                    case .best:
                        ExtXYZ.bytes(
                            of: frames.min { ($0.energy ?? 0) < ($1.energy ?? 0) }.map { [$0] } ?? [])
                    default: try Self.encode(.object(status))
                    }
            }
            var marker = marker
            marker["files"] = .array(
                listed.map { file in
                    let bytes = files[file] ?? []
                    return .object([
                        "name": .string(file.rawValue), "size": .integer(bytes.count),
                        "sha256": .string(Digest(of: bytes).hexadecimal),
                    ])
                })
            files[.done] = try Self.encode(.object(marker))
            return files
        }
    }

    private static func encode(_ value: JSONValue) throws -> [UInt8] {
        Array(try JSONEncoder().encode(value))
    }
}

/// A JSON value whose parts a test can change.
enum JSONValue: Encodable {
    case string(String)
    case integer(Int)
    case real(Double)
    case boolean(Bool)
    case array([JSONValue])
    case object([String: JSONValue])

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .string(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .real(let value): try container.encode(value)
        case .boolean(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}
