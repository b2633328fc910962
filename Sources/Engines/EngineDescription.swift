/// A program that gives energies and forces, as the spool's `aurelax.yaml` describes it under `engines:`.
public struct EngineDescription: Sendable, Equatable, Codable {
    /// What its numbers are: decides which stages may use it.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Trained on a method's results: its numbers are predictions.
        case ml
        case semiempirical
        case dft
    }

    /// How an ASE calculator is told charge and multiplicity.
    public enum ElectronPassing: String, Sendable, Codable, CaseIterable {
        /// Keyword arguments `charge` and `multiplicity`.
        case keywords
        /// `charge` and `spin` in `atoms.info`.
        case info
        /// It knows of neither.
        case none
    }

    public enum Source: Sendable, Equatable, Codable {
        /// `module:Class` or `file.py:function` that makes an ASE calculator; its keyword arguments as JSON.
        case calculator(target: String, arguments: String)
        /// A program that connects to the socket; the template of its input.
        case command([String], input: String?)
    }

    public var name: String
    public var source: Source
    public var kind: Kind
    /// Python with ASE and the calculator; nil for the spool's.
    public var python: String?
    public var threads: Int?
    public var passing: ElectronPassing?
    /// Stands in every frame; nil for what the engine says of itself.
    public var levelOfTheory: String?
    /// Empty space around a molecule, Å, for an engine that knows periodic cells only; nil for no cell.
    public var vacuum: Double?
    /// The line of `{species}` for each element in a program's input: `{symbol} {mass} {symbol}.UPF`.
    public var species: String?
    /// Seconds for which one evaluation may take.
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

/// Why an engine cannot be used.
public enum EngineError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknown(name: String, known: [String])
    /// The calculator or program could not be made or started.
    case notStarted(engine: String, reason: String)
    /// An evaluation failed; the engine's process has been ended.
    case failed(engine: String, reason: String)

    public var description: String {
        switch self {
        case .unknown(let name, let known):
            "there is no engine ‘\(name)’ in aurelax.yaml; "
                + (known.isEmpty ? "it has no engines" : "it has \(known.joined(separator: ", "))")
        case .notStarted(let engine, let reason): "the engine ‘\(engine)’ could not be started: \(reason)"
        case .failed(let engine, let reason): "the engine ‘\(engine)’ failed: \(reason)"
        }
    }
}
