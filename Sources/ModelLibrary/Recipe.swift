import MinimalLearning
public import SOAPPotential
public import ThiolateGold

/// The recipe of a model: its data, their division, and the settings of the training.
public struct Recipe: Sendable, Equatable {
    /// Frames of one file.
    public struct Source: Sendable, Equatable {
        /// Path of the file as written in the recipe: absolute, or relative to the recipe's folder.
        public var file: String
        /// The frames that are used. Nil means all frames.
        public var frames: [FrameRange]?
        /// Number of training frames to use, chosen more densely towards the end of the file (`logarithmicSample`). Nil
        /// means all.
        public var sample: Int?
        /// Held-out frames of the file.
        public var validation: [FrameRange]
        /// A model file, relative to the recipe, whose predictions label the frames. Nil means that the frames have
        /// their own labels.
        public var teacher: String?
        /// Frames that are never used in the fit; they calibrate the expected errors for other molecules.
        public var calibration: [FrameRange]

        public init(
            file: String, frames: [FrameRange]? = nil, sample: Int? = nil,
            validation: [FrameRange] = [], teacher: String? = nil, calibration: [FrameRange] = []
        ) {
            self.teacher = teacher
            self.file = file
            self.frames = frames
            self.sample = sample
            self.validation = validation
            self.calibration = calibration
        }

        /// Indices of the frames of a file, by their use.
        struct Split {
            var training: [Int]
            var validation: [Int]
            var calibration: [Int]
        }

        /// Returns the frames of a file by their use. A frame that is in both `validation` and `calibration` is used
        /// for calibration.
        func chosen(of total: Int) -> Split {
            func isIn(_ ranges: [FrameRange], _ frame: Int) -> Bool { ranges.contains { $0.contains(frame) } }
            let used = (0..<total).filter { isIn(frames ?? [FrameRange(start: 0, end: nil)], $0) }
            let apart = used.filter { isIn(calibration, $0) }
            let held = used.filter { isIn(validation, $0) && !isIn(calibration, $0) }
            let rest = used.filter { !isIn(validation, $0) && !isIn(calibration, $0) }
            guard let sample else { return Split(training: rest, validation: held, calibration: apart) }
            let sampled = logarithmicSample(of: rest.count, count: sample).map { rest[$0] }
            return Split(training: sampled, validation: held, calibration: apart)
        }
    }

    /// The frames on which the final model is trained.
    public enum Fit: String, Sendable, Equatable, CaseIterable {
        /// The training frames only, so that the validation frames remain a fair test.
        case training
        /// Training and validation frames, after the parameters have been chosen with the validation frames held out.
        case all
    }

    /// The kind of model with its settings.
    public enum Method: Sendable, Equatable {
        case oamlm(OAMLMOptions)
        case vectorKernel(VectorKernelOptions)
        case soapPotential(SOAPPotentialSettings)

        /// The name of the kind in recipes, model files and predictions.
        public var kind: String {
            switch self {
            case .oamlm: OAMLMForceField.kind
            case .vectorKernel: VectorKernelForceField.kind
            case .soapPotential: SOAPPotential.fileKind
            }
        }
    }

    public var name: String
    public var levelOfTheory: String
    public var data: [Source]
    public var fit: Fit
    public var method: Method
    /// The directory to which the file names in the recipe are relative.
    public var directory: String

    /// Path of the trained model: `<directory>/<name>.aurelax-model`.
    public var modelPath: String { directory + "/" + name + "." + ModelLibrary.fileExtension }

    public init(
        name: String, levelOfTheory: String, data: [Source], fit: Fit = .training, method: Method,
        directory: String
    ) {
        self.name = name
        self.levelOfTheory = levelOfTheory
        self.data = data
        self.fit = fit
        self.method = method
        self.directory = directory
    }
}

/// 0-based frames start, start + step, … below end; written as `start:end`, `start:end:step` or
/// `index`.
public struct FrameRange: Sendable, Equatable, LosslessStringConvertible {
    public var start: Int
    /// The first frame after the range. Nil means that the range extends to the last frame.
    public var end: Int?
    public var step: Int

    public init(start: Int, end: Int?, step: Int = 1) {
        precondition(start >= 0 && step >= 1, "a range starts at a frame and goes forward")
        (self.start, self.end, self.step) = (start, end, step)
    }

    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { part in
            String(part.filter { $0 != " " })
        }
        func number(_ part: String, _ fallback: Int?) -> Int?? {
            part.isEmpty ? .some(fallback) : Int(part).flatMap { $0 >= 0 ? .some(.some($0)) : nil }
        }
        switch parts.count {
        case 1:
            guard let index = Int(parts[0]), index >= 0 else { return nil }
            self.init(start: index, end: index + 1)
        case 2, 3:
            guard let start = number(parts[0], 0), let end = number(parts[1], nil),
                let step = number(parts.count == 3 ? parts[2] : "", 1), let start, let step, step >= 1
            else { return nil }
            self.init(start: start, end: end, step: step)
        default: return nil
        }
    }

    public var description: String {
        if end == start + 1, step == 1 { return "\(start)" }
        return "\(start):\(end.map(String.init) ?? "")" + (step == 1 ? "" : ":\(step)")
    }

    public func contains(_ frame: Int) -> Bool {
        frame >= start && frame < end ?? .max && (frame - start) % step == 0
    }
}
