import Atomistics
internal import Descriptors
import MinimalLearning
import SOAPPotential
import ThiolateGold
import YAMLDocument

extension Recipe {
    /// The keys of all recipes; ``method`` follows from `kind` and the kind's own table.
    static let options = OptionTable(
        defaults: Recipe(
            name: "", levelOfTheory: "", data: [], method: .soapPotential(SOAPPotentialSettings()),
            directory: "")
    ) {
        OptionSpec<Recipe>(
            "aurelax_recipe", schema: .integer(1...1), required: true, "The version of this schema: 1."
        ) { _, _ in }
        OptionSpec(
            "name", unstored: \.name, .text(check: RecipeSchema.checkName), required: true,
            "Name of the model.")
        OptionSpec<Recipe>(
            "kind", schema: .choice(RecipeSchema.kinds), required: true, "Kind of model."
        ) { _, _ in }
        OptionSpec(
            "level_of_theory", unstored: \.levelOfTheory, .text(), required: true,
            "Level of theory of the energies and forces; every frame must have this `level_of_theory`.")
        OptionSpec(
            "data", unstored: \.data, .list(.mapping(Source.options), count: 1...10_000), required: true,
            "Files of labelled structures.")
        OptionSpec(
            "fit", unstored: \.fit, .word(),
            "Frames of the final fit: training, or all (also the validation frames, after the model's parameters are chosen)."
        )
    }
}

extension Recipe.Source {
    static let options = OptionTable(defaults: Recipe.Source(file: "")) {
        OptionSpec(
            "file", unstored: \.file, .text(), required: true, "An extxyz file, relative to the recipe.")
        OptionSpec(
            "frames", unstored: \.frames, .list(.range), default: "all",
            "The frames that are used, in Python's slice notation.")
        OptionSpec(
            "sample", unstored: \.sample, .integer(1...10_000_000), default: "all",
            "Number of training frames that are used; they are denser towards the end of the file, on a logarithmic "
                + "scale.")
        OptionSpec(
            "validation", unstored: \.validation, .list(.range),
            "Held-out frames; only those that are also in `frames` count.")
        OptionSpec(
            "calibration", unstored: \.calibration, .list(.range),
            "Held-out frames of other molecules, with which a SOAP potential calibrates its expected errors; only those that "
                + "are also in `frames` count.")
        OptionSpec(
            "teacher", unstored: \.teacher, .text(), default: "none",
            "A model file, relative to the recipe, that labels these structures with its own forces. "
                + "The new model's level of theory then names it.")
    }
}

// MARK: Descriptors

extension SOAPSettings {
    static let radius = OptionForm<Double>.number(1...100, open: true)
    static let radialFunctions = OptionForm<Int>.integer(1...20)
    static let degree = OptionForm<Int>.integer(0...20)

    /// Returns the options of the radial basis, which all kinds of models have.
    private static func radialOptions(required: Bool) -> [OptionSpec<SOAPSettings>] {
        [
            OptionSpec(
                "r_cut", unstored: \.rCut, radius, required: required, unit: "Å",
                "Cutoff radius of the radial basis."),
            OptionSpec(
                "n_max", unstored: \.nMax, radialFunctions, required: required, "Number of radial functions."),
            OptionSpec(
                "l_max", unstored: \.lMax, degree, required: required, "Largest angular degree."),
            OptionSpec(
                "sigma", unstored: \.sigma, .length, required: required, unit: "Å",
                "Width of an atom's Gaussian density."),
        ]
    }

    /// The keys of the descriptor in models that learn by classes of atoms.
    fileprivate static let ofClasses = OptionTable(defaults: SOAPSettings.paper) {
        OptionSpec(
            "species", unstored: \.species,
            .list(.text(check: RecipeSchema.checkElement), count: 1...100),
            "Symbols of the elements described.")
        radialOptions(required: false)
    }

    /// The keys of the descriptor in a SOAP potential.
    fileprivate static let ofPotential = OptionTable(defaults: SOAPPotentialSettings().descriptor) {
        radialOptions(required: true)
        OptionSpec(
            "cutoff_radius", unstored: \.cutoffRadius, .length, required: true, unit: "Å",
            "Neighbours at this distance and beyond have no effect.")
        OptionSpec(
            "cutoff_width", unstored: \.cutoffWidth, .length, required: true, unit: "Å",
            "Width of the range below cutoff_radius in which a neighbour's weight falls to zero.")
    }
}

// MARK: SOAP potential

extension SOAPPotentialSettings {
    static let options = OptionTable(defaults: SOAPPotentialSettings()) {
        OptionSpec(
            "descriptor", unstored: \.descriptor, .mapping(SOAPSettings.ofPotential),
            "Descriptor of an environment: SOAP with a smooth cutoff.")
        OptionSpec<SOAPPotentialSettings>(
            "descriptors", schema: RecipeSchema.byElement(.mapping(SOAPSettings.ofPotential.schema)),
            default: "none", "Other descriptors for the environments of some elements."
        ) { node, settings in
            for entry in node.entries ?? [] {
                settings.descriptors[entry.key] = SOAPSettings.ofPotential.read(
                    entry.value, from: settings.descriptor)
            }
        }
        OptionSpec("power", unstored: \.power, .integer(1...12), "Power of the kernel; 1 is linear.")
        OptionSpec<SOAPPotentialSettings>(
            "inducing", schema: RecipeSchema.byElement(.integer(1...20_000), withDefault: true),
            default: byElement(SOAPPotentialSettings().inducing, SOAPPotentialSettings().inducingByElement),
            "Number of inducing environments of each element."
        ) { node, settings in
            settings.inducingByElement = [:]
            for (symbol, count) in RecipeSchema.values(of: node, \.integer) {
                if let symbol {
                    settings.inducingByElement[symbol] = count
                } else {
                    settings.inducing = count
                }
            }
        }
        OptionSpec<SOAPPotentialSettings>(
            "force_noise", schema: RecipeSchema.byElement(.number(0...10, open: true), withDefault: true),
            default: byElement(SOAPPotentialSettings().defaultForceNoise, SOAPPotentialSettings().forceNoise),
            unit: "eV/Å", "Expected error of the fit for a force component."
        ) { node, settings in
            settings.forceNoise = [:]
            for (symbol, noise) in RecipeSchema.values(of: node, \.number) {
                if let symbol {
                    settings.forceNoise[symbol] = noise
                } else {
                    settings.defaultForceNoise = noise
                }
            }
        }
        OptionSpec(
            "energy_noise", unstored: \.energyNoise, .number(0...10, open: true), unit: "eV per atom",
            "Expected error of the fit for an energy.")
        OptionSpec(
            "priors", unstored: \.priors, .list(.number(0...1e4, open: true), count: 1...50), unit: "eV",
            "Candidates for the prior standard deviation of an atom's energy.")
    }

    private static func byElement(_ usual: some Any, _ others: [String: some Any]) -> String {
        let pairs =
            ["default: \(usual)"] + others.keys.sorted().map { "\($0): \(others[$0].map { "\($0)" } ?? "")" }
        return "{\(pairs.joined(separator: ", "))}"
    }
}

// MARK: Classes of atoms, aligned with references

extension EnvironmentOptions {
    /// Returns these options for a type that contains ``EnvironmentOptions`` at `path`.
    static func options<Holder: Sendable>(
        of path: any WritableKeyPath<Holder, EnvironmentOptions> & Sendable
    ) -> [OptionSpec<Holder>] { options.options.map { $0.of(path) } }

    static let options = OptionTable(defaults: EnvironmentOptions()) {
        OptionSpec(
            "descriptor", unstored: \.soap, .mapping(SOAPSettings.ofClasses),
            "Descriptor of an environment: SOAP.")
        OptionSpec("scaling", unstored: \.scaling, .word(), "Points whose features are scaled to [0, 1].")
        OptionSpec(
            "start", unstored: \.start,
            .word { text in
                TextProblem(
                    "‘\(text)’ is not a start of a maximin selection",
                    hint: "closest-to-mean, farthest-from-mean, index:7 or random:1")
            }, "First reference of the RS-maximin selection.")
        OptionSpec(
            "candidates", unstored: \.candidates, .number(1...1000), default: "all",
            "References are selected among this many times their number of environments, drawn at random.")
        OptionSpec(
            "alignment", unstored: \.self, .mapping(alignment),
            "How environments are aligned with each other.")
        OptionSpec("classes", unstored: \.self, .mapping(classes), "How gold atoms are divided into classes.")
    }

    private static let alignment = OptionTable(defaults: EnvironmentOptions()) {
        OptionSpec(
            "group", unstored: \.group, .word(),
            "Group of the alignments: with reflections (o3) or without (so3).")
        OptionSpec(
            "triangles", unstored: \.triangles, .integer(1...132),
            "Number of triangles of neighbours by which a core gold atom is aligned.")
    }

    private static let classes = OptionTable(defaults: EnvironmentOptions()) {
        OptionSpec(
            "bond_length", unstored: \.classification.bondLength, .length, unit: "Å",
            "Largest length of an Au–S or Au–Au bond."
        ).also { $0.classification.releaseLength = $0.classification.bondLength }
        OptionSpec(
            "release_length", unstored: \.classification.releaseLength, .length, default: "as bond_length",
            unit: "Å",
            "During a relaxation a gold atom keeps its class until a bond is longer than this.")
        OptionSpec(
            "fewest", unstored: \.fewestEnvironments, .integer(2...100_000),
            "A class with fewer environments in the data gets no model.")
    }
}

extension VectorKernelOptions {
    static let options = OptionTable(defaults: VectorKernelOptions()) {
        EnvironmentOptions.options(of: \VectorKernelOptions.environment)
        OptionSpec(
            "references", unstored: \.references, .integer(2...20_000),
            "Largest number of references of a class.")
        OptionSpec(
            "kernel", unstored: \.self, .mapping(kernel),
            "Candidates for the kernel; each class gets the combination with the smallest cross-validated force error."
        )
    }

    private static let kernel = OptionTable(defaults: VectorKernelOptions()) {
        OptionSpec(
            "shape", unstored: \.shapes, .list(.word(), count: 1...3), "Function of the distance.")
        OptionSpec(
            "length", unstored: \.lengths, .list(.number(0...1e3, open: true), count: 1...50),
            "Length scales, as multiples of the median distance between references.")
        OptionSpec(
            "sigma2", unstored: \.sigma2, .list(.length, count: 1...50), unit: "Å",
            "Widths of the alignment weights.")
        OptionSpec(
            "noise", unstored: \.noises, .list(.number(0...1e3, open: true), count: 1...50),
            "Regularisation, relative to the kernel at distance zero.")
        OptionSpec(
            "choice_references", unstored: \.choiceReferences, .integer(2...20_000),
            "Number of references with which the kernel is chosen.")
    }
}

extension OAMLMOptions {
    static let options = OptionTable(defaults: OAMLMOptions()) {
        EnvironmentOptions.options(of: \OAMLMOptions.environment)
        OptionSpec(
            "norm", unstored: \.self, .mapping(norm), "The learning machines for the norm of the force.")
        OptionSpec(
            "direction", unstored: \.self, .mapping(direction),
            "The learning machines for the direction of the force.")
    }

    private static let norm = OptionTable(defaults: OAMLMOptions()) {
        OptionSpec(
            "references", unstored: \.normReferences, .integer(2...100_000), "Largest number of references.")
        OptionSpec(
            "objective", unstored: \.objective, .word(),
            "Quantity that the fit minimises; multilateration is the original MLM.")
        OptionSpec(
            "ridge", unstored: \.ridge, .number(0...1e6),
            "Regularisation; by default the square root of machine epsilon.")
        OptionSpec("clamp", unstored: \.clampNorm, .boolean, "Set negative norms to zero.")
    }

    private static let direction = OptionTable(defaults: OAMLMOptions()) {
        OptionSpec(
            "references", unstored: \.directionReferences, .integer(2...100_000),
            "Largest number of references.")
        OptionSpec<OAMLMOptions>(
            "solver", schema: RecipeSchema.solver, default: "paper-eq17",
            "Method that computes a direction from projections."
        ) { node, options in options.readSolver(node) }
        OptionSpec<OAMLMOptions>(
            "sigma2", schema: RecipeSchema.byClass(RecipeSchema.length),
            default: "0.25 for gold in units, else 0.5", unit: "Å", "Width of the alignment weights."
        ) { node, options in options.readWidths(node) }
        OptionSpec(
            "clip", unstored: \.clipProjections, .boolean, "Limit projections to [−1, 1].")
        OptionSpec(
            "learn_misfits", unstored: \.alignmentModel, .boolean,
            "Learn the misfits of alignments too.")
        OptionSpec<OAMLMOptions>(
            "alternatives",
            schema: .mapping(
                MappingSchema([
                    KeySchema(
                        "solver", .list(RecipeSchema.solver, count: 1...50), required: true, "Solvers to try."
                    ),
                    KeySchema(
                        "sigma2", .list(RecipeSchema.length, count: 1...50), required: true,
                        "Widths to try, Å."),
                ])), default: "none",
            "Candidates for solver and sigma2; each class gets the pair with the smallest cross-validated force error."
        ) { node, options in
            let solvers = node["solver"]?.elements?.compactMap(\.text) ?? []
            for sigma2 in node["sigma2"]?.elements?.compactMap(\.number) ?? [] {
                options.alternatives += solvers.compactMap(DirectionSolver.init).map {
                    ClassOptions(direction: $0, sigma2: sigma2)
                }
            }
        }
    }
}

extension OAMLMOptions {
    /// Sets the direction solver that a node names, for all classes.
    mutating func readSolver(_ node: YAMLNode) {
        guard let solver = node.text.flatMap(DirectionSolver.init) else { return }
        for atomClass in AtomClass.allCases {
            classes[atomClass] = ClassOptions(direction: solver, sigma2: self[atomClass].sigma2)
        }
    }

    /// Sets the widths of the alignment weights from a node that gives them by class.
    mutating func readWidths(_ node: YAMLNode) {
        for atomClass in AtomClass.allCases {
            guard let sigma2 = node[atomClass.rawValue]?.number ?? node["default"]?.number else { continue }
            classes[atomClass] = ClassOptions(direction: self[atomClass].direction, sigma2: sigma2)
        }
    }
}

// MARK: Forms

extension OptionForm where Value == Double {
    fileprivate static var length: Self { .number(0...100, open: true) }
}

extension OptionForm where Value == FrameRange {
    fileprivate static var range: Self {
        .word { text in
            TextProblem(
                "‘\(text)’ is not a range of frames", hint: "write start:end, start:end:step or one index")
        }
    }
}
