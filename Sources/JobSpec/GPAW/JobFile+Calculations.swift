public import YAMLDocument

extension JobFile {
    /// A calculation by an engine, and the path of its keys in the job file.
    public struct Calculation: Sendable {
        let path: [PathStep]
        public let stage: DFTStage
    }

    /// All external calculations of the job.
    public var calculations: [Calculation] { job?.calculations ?? [] }

    /// Makes a diagnostic from an engine's objection to a setting of a calculation.
    ///
    /// - Parameter key: a key of the stage, with dots between the levels: `gpaw.dispersion`.
    public func problem(_ message: String, key: String, of calculation: Calculation) -> Diagnostic {
        let path = calculation.path + key.split(separator: ".").map { .key(String($0)) }
        let node = node(at: path)
        return Diagnostic(
            code: "engine-refuses", at: node?.mark, width: node?.width ?? 1, keyPath: path.text,
            message: "GPAW says: \(message)",
            hint: "the GPAW of this machine made this check; `--offline` skips it")
    }
}

extension [JobFile.PathStep] {
    /// The path as messages name it: `stages[0].dft.xc`.
    var text: String {
        reduce("") { text, step in
            switch step {
            case .key(let key): text.isEmpty ? key : "\(text).\(key)"
            case .index(let index): "\(text)[\(index)]"
            }
        }
    }
}

extension Job {
    /// All external calculations, with the paths of their keys in the job file.
    var calculations: [JobFile.Calculation] {
        stages.enumerated().compactMap { index, stage in
            let path = [JobFile.PathStep.key("stages"), .index(index), .key(stage.kind)]
            switch stage {
            case .ml: return nil
            case .dft(let dft): return .init(path: path, stage: dft)
            case .singlePoints(let points): return .init(path: path, stage: points.calculation)
            case .hybrid(let hybrid): return .init(path: path + [.key("check")], stage: hybrid.check)
            }
        }
    }
}
