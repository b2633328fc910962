public import Engines
import Foundation
import SystemPackage

/// An engine of the spool inside a package: its definition is in `parameters.json`, its files are beside it.
public struct PackagedEngine: Sendable, Equatable, Codable {
    public var name: String
    public var kind: String
    /// The calculator: `module:Class`, or `calculator.py:function` if its file is in the package.
    var ase: String?
    /// Keyword arguments of the calculator, as JSON.
    var arguments: String?
    var command: [String]?
    /// Name of the package's file with the template of the program's input.
    var input: String?
    var species: String?
    var python: String?
    var threads: Int?
    /// The way in which the calculator receives charge and multiplicity. Nil means that the script chooses it by the
    /// calculator's module.
    var passing: String?
    var multiplicity: Int?
    var level: String?
    var vacuum: Double?
    var timeout: Double
    /// Contents of the calculator's file and of the input's template, which are separate files of the package.
    private var files: [String: [UInt8]] = [:]

    enum CodingKeys: String, CodingKey {
        case name, kind, ase, arguments, command, input, species, python, threads, passing, multiplicity,
            level
        case vacuum, timeout
    }

    private static let calculator = "calculator.py"
    private static let template = "engine_input.txt"

    /// - Throws: the file system's error for the calculator's file or the template.
    public init(_ description: EngineDescription, multiplicity: Int? = nil) throws {
        (name, kind) = (description.name, description.kind.rawValue)
        (python, threads, vacuum) = (description.python, description.threads, description.vacuum)
        (level, timeout, species) = (description.levelOfTheory, description.timeout, description.species)
        (passing, self.multiplicity) = (description.passing?.rawValue, multiplicity)
        func content(_ path: String) throws -> [UInt8] {
            Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        }
        switch description.source {
        case .calculator(let target, let arguments):
            (ase, self.arguments) = (target, arguments)
            if let end = target.range(of: ".py:", options: .backwards) {
                files[Self.calculator] = try content(target[..<end.lowerBound] + ".py")
                ase = Self.calculator + ":" + target[end.upperBound...]
            }
        case .command(let words, let path):
            command = words
            if let path {
                input = Self.template
                files[Self.template] = try content(path)
            }
        }
    }

    /// The scripts and files that the package needs to run the engine.
    var inputs: [AssembledPackage.Input] {
        get throws {
            [
                ("engine_relax.py", PackageResources.engine_relax_py),
                ("engine_peer.py", EngineDescription.peerScript),
            ]
                + files.sorted { $0.key < $1.key }.compactMap { file in
                    FilePath.Component(file.key).map { ($0, file.value) }
                }
        }
    }

    /// The program or class, as shown to users.
    var program: String { ase ?? command?.first ?? name }

    /// The level of theory as the script names it.
    var levelOfTheory: (prefix: String, suffix: String) { (level ?? "", " (engine \(name))") }
}
