import Atomistics
import MinimalLearning
import SOAPPotential
import ThiolateGold
public import YAMLDocument

/// A recipe after reading, or the errors.
public struct RecipeFile: Sendable {
    /// Nil if one of the diagnostics is an error.
    public let recipe: Recipe?
    public let diagnostics: [Diagnostic]
    /// The diagnostics as text, each with its line and a caret.
    public let report: String

    /// - Parameters:
    ///   - bytes: the recipe, YAML.
    ///   - file: its path; relative files are beside it.
    public init(_ bytes: [UInt8], file: String) {
        let document = CheckedDocument(bytes, file: file) { root in
            let problems = RecipeSchema.recipe(kind: root["kind"]?.text).problems(of: root)
            // The other keys can only be checked if the kind is known.
            return RecipeSchema.kinds.contains(root["kind"]?.text ?? "")
                ? problems : problems.filter { $0.code != "unknown-key" }
        }
        (diagnostics, report) = (document.diagnostics, document.report)
        recipe = document.root.map { Recipe($0, directory: directory(of: file)) }
    }
}

extension Recipe {
    /// - Precondition: the node has passed ``RecipeSchema``.
    init(_ node: YAMLNode, directory: String) {
        let method =
            switch node["kind"]?.text {
            case OAMLMForceField.kind: Method.oamlm(OAMLMOptions(node))
            case VectorKernelForceField.kind: Method.vectorKernel(VectorKernelOptions(node))
            default: Method.soapPotential(SOAPPotentialSettings(node))
            }
        self.init(
            name: node["name"]?.text ?? "", levelOfTheory: node["level_of_theory"]?.text ?? "",
            data: node["data"]?.elements?.map(Source.init) ?? [],
            fit: node["fit"]?.text.flatMap(Fit.init) ?? .training, method: method,
            directory: directory)
    }
}

extension Recipe.Source {
    fileprivate init(_ node: YAMLNode) {
        func ranges(_ key: String) -> [FrameRange]? {
            node[key]?.elements?.compactMap { $0.text.flatMap(FrameRange.init) }
        }
        self.init(
            file: node["file"]?.text ?? "", frames: ranges("frames"),
            sample: node["sample"]?.integer, validation: ranges("validation") ?? [],
            teacher: node["teacher"]?.text)
    }
}

extension SOAPPotentialSettings {
    fileprivate init(_ node: YAMLNode) {
        self.init()
        if let value = node["descriptor"] { descriptor = Descriptor(value, descriptor) }
        for entry in node["descriptors"]?.entries ?? [] {
            descriptors[entry.key] = Descriptor(entry.value, descriptor)
        }
        power = node["power"]?.integer ?? power
        if let entries = node["inducing"]?.entries {
            inducingByElement = [:]
            for entry in entries {
                guard let count = entry.value.integer else { continue }
                if entry.key == "default" {
                    inducing = count
                } else {
                    inducingByElement[entry.key] = count
                }
            }
        }
        if let entries = node["force_noise"]?.entries {
            forceNoise = [:]
            for entry in entries {
                guard let noise = entry.value.number else { continue }
                if entry.key == "default" {
                    defaultForceNoise = noise
                } else {
                    forceNoise[entry.key] = noise
                }
            }
        }
        energyNoise = node["energy_noise"]?.number ?? energyNoise
        priors = node["priors"]?.elements?.compactMap(\.number) ?? priors
    }
}

extension SOAPPotentialSettings.Descriptor {
    fileprivate init(_ node: YAMLNode, _ usual: Self) {
        self.init(
            rCut: node["r_cut"]?.number ?? usual.rCut, nMax: node["n_max"]?.integer ?? usual.nMax,
            lMax: node["l_max"]?.integer ?? usual.lMax, sigma: node["sigma"]?.number ?? usual.sigma,
            cutoffRadius: node["cutoff_radius"]?.number ?? usual.cutoffRadius,
            cutoffWidth: node["cutoff_width"]?.number ?? usual.cutoffWidth)
    }
}

extension OAMLMOptions {
    fileprivate init(_ node: YAMLNode) {
        self.init()
        environment = EnvironmentOptions(node)
        if let norm = node["norm"] {
            normReferences = norm["references"]?.integer ?? normReferences
            objective = norm["objective"]?.text.flatMap(NormObjective.init) ?? objective
            ridge = norm["ridge"]?.number ?? ridge
            clampNorm = norm["clamp"]?.boolean ?? clampNorm
        }
        guard let direction = node["direction"] else { return }
        directionReferences = direction["references"]?.integer ?? directionReferences
        clipProjections = direction["clip"]?.boolean ?? clipProjections
        alignmentModel = direction["learn_misfits"]?.boolean ?? alignmentModel
        readDirections(direction)
        if let others = direction["alternatives"] {
            let solvers = others["solver"]?.elements?.compactMap(\.text) ?? []
            for sigma2 in others["sigma2"]?.elements?.compactMap(\.number) ?? [] {
                alternatives += solvers.compactMap(DirectionSolver.init).map {
                    ClassOptions(direction: $0, sigma2: sigma2)
                }
            }
        }
    }
}

extension OAMLMOptions {
    /// How directions are found: `solver` and `sigma2` of the node.
    mutating func readDirections(_ node: YAMLNode) {
        let solver = node["solver"]?.text.flatMap(DirectionSolver.init)
        let sigma2 = node["sigma2"]
        for atomClass in AtomClass.allCases {
            let usual = self[atomClass]
            classes[atomClass] = ClassOptions(
                direction: solver ?? usual.direction,
                sigma2: sigma2?[atomClass.rawValue]?.number ?? sigma2?["default"]?.number
                    ?? usual.sigma2)
        }
    }
}

extension VectorKernelOptions {
    fileprivate init(_ node: YAMLNode) {
        self.init()
        environment = EnvironmentOptions(node)
        references = node["references"]?.integer ?? references
        guard let kernel = node["kernel"] else { return }
        choiceReferences = kernel["choice_references"]?.integer ?? choiceReferences
        shapes = kernel["shape"]?.elements?.compactMap { $0.text.flatMap(RadialKernel.init) } ?? shapes
        lengths = kernel["length"]?.elements?.compactMap(\.number) ?? lengths
        sigma2 = kernel["sigma2"]?.elements?.compactMap(\.number) ?? sigma2
        noises = kernel["noise"]?.elements?.compactMap(\.number) ?? noises
    }
}

extension EnvironmentOptions {
    fileprivate init(_ node: YAMLNode) {
        self.init()
        if let value = node["descriptor"] {
            soap = SOAPParameters(
                species: value["species"]?.elements?.compactMap(\.text) ?? soap.species,
                rCut: value["r_cut"]?.number ?? soap.rCut, nMax: value["n_max"]?.integer ?? soap.nMax,
                lMax: value["l_max"]?.integer ?? soap.lMax, sigma: value["sigma"]?.number ?? soap.sigma)
        }
        scaling = node["scaling"]?.text.flatMap(ScalingSet.init) ?? scaling
        start = node["start"]?.text.flatMap(MaximinStart.init) ?? start
        group = node["alignment"]?["group"]?.text.flatMap(RotationGroup.init) ?? group
        triangles = node["alignment"]?["triangles"]?.integer ?? triangles
        if let classes = node["classes"] {
            classification.bondLength = classes["bond_length"]?.number ?? classification.bondLength
            classification.releaseLength =
                classes["release_length"]?.number ?? classification.bondLength
            fewestEnvironments = classes["fewest"]?.integer ?? fewestEnvironments
        }
    }
}
