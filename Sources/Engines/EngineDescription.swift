import Foundation
import YAMLDocument

/// A program that computes energies and forces, as described under `engines:` in the spool's
/// `aurelax.yaml`.
public struct EngineDescription: Sendable, Equatable, Codable {
    /// The kind of an engine's results, which decides the stages that may use the engine.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// A model trained on the results of a method. Its results are predictions, not results of the method.
        case ml
        case semiempirical
        case dft
    }

    /// The way in which charge and multiplicity are passed to an ASE calculator.
    public enum ElectronPassing: String, Sendable, Codable, CaseIterable {
        /// Keyword arguments `charge` and `multiplicity`.
        case keywords
        /// `charge` and `spin` in `atoms.info`.
        case info
        /// The calculator accepts neither.
        case none
    }

    public enum Source: Sendable, Equatable, Codable {
        /// A class or function, `module:Class` or `file.py:function`, that makes an ASE calculator, and its
        /// keyword arguments as JSON.
        case calculator(target: String, arguments: String)
        /// A program that connects to the socket, and the template of its input.
        case command([String], input: String?)
    }

    public var name: String
    public var source: Source
    public var kind: Kind
    /// Path of a Python with ASE and the calculator. Nil means the spool's Python.
    public var python: String?
    public var threads: Int?
    public var passing: ElectronPassing?
    /// Level of theory that is written into every frame. Nil means the level that the engine itself states.
    public var levelOfTheory: String?
    /// Empty space around a molecule, Å, for an engine that supports only periodic cells. Nil means that a molecule
    /// gets no cell.
    public var vacuum: Double?
    /// The line that replaces `{species}` in a program's input, once for each element: `{symbol} {mass} {symbol}.UPF`.
    public var species: String?
    /// Longest time of one evaluation, s.
    public var timeout = 3600.0

    public init(name: String, source: Source, kind: Kind? = nil) {
        (self.name, self.source) = (name, source)
        switch source {
        case .calculator(let target, _):
            self.kind = kind ?? (target.hasPrefix("tblite.") ? .semiempirical : .ml)
        case .command: self.kind = kind ?? .dft
        }
    }
}

/// The reason why an engine cannot be used.
public enum EngineError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknown(name: String, known: [String])
    /// The calculator or program could not be created or started.
    case notStarted(engine: String, reason: String)
    /// An evaluation failed; the engine's process has been killed.
    case failed(engine: String, reason: String)

    public var description: String {
        switch self {
        case .unknown(let name, let known):
            "there is no engine ‘\(name)’ in aurelax.yaml; "
                + (known.isEmpty ? "it has no engines" : "its engines are \(known.joined(separator: ", "))")
        case .notStarted(let engine, let reason): "the engine ‘\(engine)’ could not be started: \(reason)"
        case .failed(let engine, let reason): "the engine ‘\(engine)’ failed: \(reason)"
        }
    }
}

extension EngineDescription {
    /// Reads the engines of an `aurelax.yaml`; its other keys are ignored.
    ///
    /// - Returns: the engines, or nil if there is an error; and a report of every problem, with its line and a caret.
    public static func read(_ path: String) throws -> (engines: [EngineDescription]?, report: String) {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        let document = CheckedDocument(bytes, file: path) { $0["engines"].map(problems) ?? [] }
        let folder = URL(fileURLWithPath: path).standardizedFileURL.deletingLastPathComponent().path
        return (
            document.root.map { root in
                root["engines"].map { engines($0).map { $0.resolved(in: folder) } } ?? []
            }, document.report
        )
    }
}

extension [EngineDescription] {
    /// - Throws: ``EngineError/unknown(name:known:)``.
    public func named(_ name: String) throws(EngineError) -> EngineDescription {
        guard let found = first(where: { $0.name == name }) else {
            throw .unknown(name: name, known: map(\.name).sorted())
        }
        return found
    }
}
