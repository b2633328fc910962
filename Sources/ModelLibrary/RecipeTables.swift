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
            "The name that the model is called by.")
        OptionSpec<Recipe>(
            "kind", schema: .choice(RecipeSchema.kinds), required: true, "How the model learns."
        ) { _, _ in }
        OptionSpec(
            "level_of_theory", unstored: \.levelOfTheory, .text(), required: true,
            "What every frame must say of the method behind its energies and forces.")
        OptionSpec(
            "data", unstored: \.data, .list(.mapping(Source.options), count: 1...10_000), required: true,
            "Files of labelled structures.")
        OptionSpec(
            "fit", unstored: \.fit, .word(),
            "Whether the model learns from the training frames only, or from all once choices are made.")
    }
}

extension Recipe.Source {
    static let options = OptionTable(defaults: Recipe.Source(file: "")) {
        OptionSpec(
            "file", unstored: \.file, .text(), required: true, "An extxyz file, relative to the recipe.")
        OptionSpec(
            "frames", unstored: \.frames, .list(.range), default: "all",
            "The frames that are used, as Python slices them; without it all.")
        OptionSpec(
            "sample", unstored: \.sample, .integer(1...10_000_000), default: "all",
            "How many of the frames to learn from are used, denser towards the end by a logarithm.")
        OptionSpec("validation", unstored: \.validation, .list(.range), "Of these, the frames held out.")
        OptionSpec(
            "calibration", unstored: \.calibration, .list(.range),
            "Of these, frames that are never learnt: other molecules, by which a SOAP potential sets its "
                + "expected errors.")
        OptionSpec(
            "teacher", unstored: \.teacher, .text(), default: "none",
            "A model file, relative to the recipe, that labels these structures with its own forces. "
                + "The new model's level of theory then names it.")
    }
}

// MARK: Descriptors

extension SOAPSettings {
    /// The keys of all kinds of model.
    private static func radialOptions(required: Bool) -> [OptionSpec<SOAPSettings>] {
        [
            OptionSpec(
                "r_cut", unstored: \.rCut, .number(1...100, open: true), required: required, unit: "Å",
                "Reach of the radial basis."),
            OptionSpec(
                "n_max", unstored: \.nMax, .integer(1...20), required: required, "Radial functions."),
            OptionSpec(
                "l_max", unstored: \.lMax, .integer(0...20), required: required, "Largest angular degree."),
            OptionSpec(
                "sigma", unstored: \.sigma, .length, required: required, unit: "Å", "Width of an atom."),
        ]
    }

    /// The keys of models that learn by classes of atoms.
    fileprivate static let ofClasses = OptionTable(defaults: SOAPSettings.paper) {
        OptionSpec(
            "species", unstored: \.species,
            .list(.text(check: RecipeSchema.checkElement), count: 1...100),
            "Symbols of the elements described.")
        radialOptions(required: false)
    }

    /// The keys of a SOAP potential.
    fileprivate static let ofPotential = OptionTable(defaults: SOAPPotentialSettings().descriptor) {
        radialOptions(required: true)
        OptionSpec(
            "cutoff_radius", unstored: \.cutoffRadius, .length, required: true, unit: "Å",
            "No neighbour counts from here on.")
        OptionSpec(
            "cutoff_width", unstored: \.cutoffWidth, .length, required: true, unit: "Å",
            "Over this width before it a neighbour's weight falls to zero.")
    }
}

// MARK: SOAP potential

extension SOAPPotentialSettings {
    static let options = OptionTable(defaults: SOAPPotentialSettings()) {
        OptionSpec(
            "descriptor", unstored: \.descriptor, .mapping(SOAPSettings.ofPotential),
            "What an atom sees: SOAP with a smooth cutoff. Lengths in Å.")
        OptionSpec<SOAPPotentialSettings>(
            "descriptors", schema: RecipeSchema.byElement(.mapping(SOAPSettings.ofPotential.schema)),
            default: "none", "Other descriptors for the centres of some elements."
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
            "Inducing environments of each element."
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
            unit: "eV/Å", "Expected misfit of a force component."
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
            "energy_noise", unstored: \.energyNoise, .number(0...10, open: true), unit: "eV an atom",
            "Expected misfit of an energy.")
        OptionSpec(
            "priors", unstored: \.priors, .list(.number(0...1e4, open: true), count: 1...50), unit: "eV",
            "Prior deviations of an atom's energy to choose from.")
    }

    private static func byElement(_ usual: some Any, _ others: [String: some Any]) -> String {
        let pairs =
            ["default: \(usual)"] + others.keys.sorted().map { "\($0): \(others[$0].map { "\($0)" } ?? "")" }
        return "{\(pairs.joined(separator: ", "))}"
    }
}

// MARK: Classes of atoms, aligned with references

extension EnvironmentOptions {
    /// Options of anything that holds these.
    static func options<Holder: Sendable>(
        of path: any WritableKeyPath<Holder, EnvironmentOptions> & Sendable
    ) -> [OptionSpec<Holder>] { options.options.map { $0.of(path) } }

    static let options = OptionTable(defaults: EnvironmentOptions()) {
        OptionSpec(
            "descriptor", unstored: \.soap, .mapping(SOAPSettings.ofClasses),
            "How atoms are described: SOAP. Lengths in Å.")
        OptionSpec("scaling", unstored: \.scaling, .word(), "The points whose range is scaled to [0, 1].")
        OptionSpec(
            "start", unstored: \.start,
            .word { text in
                TextProblem(
                    "‘\(text)’ is not a start of a maximin selection",
                    hint: "closest-to-mean, farthest-from-mean, index:7 or random:1")
            }, "Where the choice of references starts.")
        OptionSpec(
            "alignment", unstored: \.self, .mapping(alignment), "How surroundings are laid over each other.")
        OptionSpec("classes", unstored: \.self, .mapping(classes), "How gold is told apart.")
    }

    private static let alignment = OptionTable(defaults: EnvironmentOptions()) {
        OptionSpec("group", unstored: \.group, .word(), "With reflections (o3) or without (so3).")
        OptionSpec(
            "triangles", unstored: \.triangles, .integer(1...132), "Triangles of core gold that are tried.")
    }

    private static let classes = OptionTable(defaults: EnvironmentOptions()) {
        OptionSpec(
            "bond_length", unstored: \.classification.bondLength, .length, unit: "Å",
            "Au–S and Au–Au bonds reach so far."
        ).also { $0.classification.releaseLength = $0.classification.bondLength }
        OptionSpec(
            "release_length", unstored: \.classification.releaseLength, .length, default: "as bond_length",
            unit: "Å",
            "A class that an atom has is kept up to here from step to step.")
        OptionSpec(
            "fewest", unstored: \.fewestEnvironments, .integer(2...100_000),
            "A class with fewer environments is not learnt.")
    }
}

extension VectorKernelOptions {
    static let options = OptionTable(defaults: VectorKernelOptions()) {
        EnvironmentOptions.options(of: \VectorKernelOptions.environment)
        OptionSpec("references", unstored: \.references, .integer(2...20_000), "Most references of a class.")
        OptionSpec(
            "kernel", unstored: \.self, .mapping(kernel),
            "Every combination is tried for every class; the least force error with frames left out stays.")
    }

    private static let kernel = OptionTable(defaults: VectorKernelOptions()) {
        OptionSpec(
            "shape", unstored: \.shapes, .list(.word(), count: 1...3), "How the kernel falls with distance.")
        OptionSpec(
            "length", unstored: \.lengths, .list(.number(0...1e3, open: true), count: 1...50),
            "Lengths, as multiples of the median distance between references.")
        OptionSpec(
            "sigma2", unstored: \.sigma2, .list(.length, count: 1...50), unit: "Å",
            "Widths of the alignment weights.")
        OptionSpec(
            "noise", unstored: \.noises, .list(.number(0...1e3, open: true), count: 1...50),
            "Regularisation, relative to the kernel at distance zero.")
        OptionSpec(
            "choice_references", unstored: \.choiceReferences, .integer(2...20_000),
            "References by which the kernel is chosen.")
    }
}

extension OAMLMOptions {
    static let options = OptionTable(defaults: OAMLMOptions()) {
        EnvironmentOptions.options(of: \OAMLMOptions.environment)
        OptionSpec("norm", unstored: \.self, .mapping(norm), "The machines for the norm of the force.")
        OptionSpec("direction", unstored: \.self, .mapping(direction), "The machines for its direction.")
    }

    private static let norm = OptionTable(defaults: OAMLMOptions()) {
        OptionSpec("references", unstored: \.normReferences, .integer(2...100_000), "Most references.")
        OptionSpec(
            "objective", unstored: \.objective, .word(),
            "What the fit minimises; multilateration is the original MLM.")
        OptionSpec(
            "ridge", unstored: \.ridge, .number(0...1e6),
            "Regularisation; the square root of machine epsilon.")
        OptionSpec("clamp", unstored: \.clampNorm, .boolean, "Whether a negative norm counts as zero.")
    }

    private static let direction = OptionTable(defaults: OAMLMOptions()) {
        OptionSpec("references", unstored: \.directionReferences, .integer(2...100_000), "Most references.")
        OptionSpec<OAMLMOptions>(
            "solver", schema: RecipeSchema.solver, default: "paper-eq17",
            "How a direction follows from projections."
        ) { node, options in options.readSolver(node) }
        OptionSpec<OAMLMOptions>(
            "sigma2", schema: RecipeSchema.byClass(RecipeSchema.length),
            default: "0.25 for gold in units, else 0.5", unit: "Å", "Width of the alignment weights."
        ) { node, options in options.readWidths(node) }
        OptionSpec(
            "clip", unstored: \.clipProjections, .boolean, "Whether projections are limited to [−1, 1].")
        OptionSpec(
            "learn_misfits", unstored: \.alignmentModel, .boolean,
            "Whether the success of alignments is learnt too.")
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
            "Every pair of these is tried for every class; the least force error with frames left out stays."
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
    /// Finds the directions of all classes with the solver that a node names.
    mutating func readSolver(_ node: YAMLNode) {
        guard let solver = node.text.flatMap(DirectionSolver.init) else { return }
        for atomClass in AtomClass.allCases {
            classes[atomClass] = ClassOptions(direction: solver, sigma2: self[atomClass].sigma2)
        }
    }

    /// Takes the widths of the alignment weights from a node that gives them by class.
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
