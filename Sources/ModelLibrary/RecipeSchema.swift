import Atomistics
import MinimalLearning
import SOAPPotential
import ThiolateGold
public import YAMLDocument

/// The keys of a `recipe.yaml`.
public enum RecipeSchema {
    /// The schema of a kind's recipes; of a kind that there is not, what all have in common.
    public static func recipe(kind: String?) -> MappingSchema {
        switch kind {
        case SOAPPotential.fileKind: MappingSchema(common + soapPotential)
        case OAMLMForceField.kind: MappingSchema(common + environment + oamlm)
        case VectorKernelForceField.kind: MappingSchema(common + environment + vectorKernel)
        default: MappingSchema(common)
        }
    }

    public static let kinds = [
        SOAPPotential.fileKind, OAMLMForceField.kind, VectorKernelForceField.kind,
    ]

    private static let common: [KeySchema] = [
        KeySchema(
            "aurelax_recipe", .integer(1...1), required: true, "The version of this schema: 1."),
        KeySchema("name", name, required: true, "The name of the model."),
        KeySchema("kind", .choice(kinds), required: true, "The kind of model."),
        KeySchema(
            "level_of_theory", .text(), required: true,
            "Level of theory that every frame must have."),
        KeySchema(
            "data", .list(.mapping(source), count: 1...10_000), required: true,
            "Files of labelled structures."),
        KeySchema(
            "fit", .choice(Recipe.Fit.allCases.map(\.rawValue)), default: Recipe.Fit.training.rawValue,
            "Whether the final model is trained on the training frames only, or on all frames."),
    ]

    private static let source = MappingSchema([
        KeySchema("file", .text(), required: true, "An extxyz file, relative to the recipe."),
        KeySchema("frames", ranges, "The frames that are used, in Python's slice notation; by default all."),
        KeySchema(
            "sample", .integer(1...10_000_000),
            "Number of training frames to use, logarithmically denser towards the end."),
        KeySchema("validation", ranges, "The held-out frames among these."),
        KeySchema(
            "teacher", .text(),
            "A model file, relative to the recipe, that labels these structures with its own forces. "
                + "The new model's level of theory then names it."),
    ])

    static let ranges = ValueSchema.list(
        .text { text in
            FrameRange(text) == nil
                ? TextProblem(
                    "‘\(text)’ is no range of frames", hint: "write start:end, start:end:step or one index")
                : nil
        })

    static let name = ValueSchema.text { text in
        let isName =
            !text.isEmpty && text.utf8.count <= 100
            && text.utf8.allSatisfy {
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.".utf8.contains($0)
            } && !text.hasPrefix(".") && !text.hasPrefix("-")
        return isName
            ? nil
            : TextProblem(
                "‘\(text)’ cannot be the name of a model",
                hint: "letters, digits, ‘-’, ‘_’ and ‘.’, beginning with a letter or digit")
    }

    static let length = ValueSchema.number(0...100, open: true)

    // MARK: SOAP potential

    private static let soapPotential: [KeySchema] = [
        KeySchema(
            "descriptor", smoothDescriptor,
            "Description of environments: SOAP with a smooth cutoff. Lengths in Å."),
        KeySchema(
            "descriptors", byElement(smoothDescriptor), "Other descriptors for the centres of some elements."),
        KeySchema("power", .integer(1...12), default: "2", "Power of the kernel; 1 is linear."),
        KeySchema(
            "inducing", byElement(.integer(1...20_000), withDefault: true),
            "Inducing environments of each element."),
        KeySchema(
            "force_noise", byElement(.number(0...10, open: true), withDefault: true),
            "Expected misfit of a force component, eV/Å."),
        KeySchema(
            "energy_noise", .number(0...10, open: true), "Expected misfit of an energy, eV per atom."),
        KeySchema(
            "priors", .list(.number(0...1e4, open: true), count: 1...50),
            "Prior deviations of an atom's energy to choose from, eV."),
    ]

    private static let smoothDescriptor = ValueSchema.mapping(
        MappingSchema([
            KeySchema(
                "r_cut", .number(1...100, open: true), required: true, "Radius of the radial basis, Å."),
            KeySchema("n_max", .integer(1...20), required: true, "Radial functions."),
            KeySchema("l_max", .integer(0...20), required: true, "Largest angular degree."),
            KeySchema("sigma", length, required: true, "Width of an atom, Å."),
            KeySchema(
                "cutoff_radius", length, required: true, "Radius beyond which neighbours do not count, Å."),
            KeySchema(
                "cutoff_width", length, required: true,
                "Width before this radius over which a neighbour's weight falls to zero, Å."),
        ]))

    /// A value for each element that is named, and for all others.
    private static func byElement(_ value: ValueSchema, withDefault: Bool = false) -> ValueSchema {
        .mapping(
            MappingSchema(
                (withDefault ? [KeySchema("default", value, "For every element not named.")] : [])
                    + (1...118).compactMap { Element(atomicNumber: $0)?.symbol }.map {
                        KeySchema($0, value, $0)
                    }))
    }

    // MARK: Classes of atoms, aligned with references

    private static let environment: [KeySchema] = [
        KeySchema("descriptor", descriptor, "Description of atoms: SOAP. Lengths in Å."),
        KeySchema(
            "scaling", .choice(EnvironmentOptions.ScalingSet.allCases.map(\.rawValue)), default: "pool",
            "The points whose range is scaled to [0, 1]."),
        KeySchema("start", start, default: "closest-to-mean", "First point of the selection of references."),
        KeySchema("alignment", .mapping(alignment), "Alignment of environments."),
        KeySchema("classes", .mapping(classes), "Classification of gold."),
    ]

    private static let vectorKernel: [KeySchema] = [
        KeySchema(
            "references", .integer(2...20_000), default: "1000", "Largest number of references per class."),
        KeySchema(
            "kernel", .mapping(kernel),
            "Combinations to try for every class; the one with the least force error in cross-validation is kept."
        ),
    ]

    private static let kernel = MappingSchema([
        KeySchema(
            "shape", .list(.choice(RadialKernel.allCases.map(\.rawValue)), count: 1...3),
            "Dependence of the kernel on distance."),
        KeySchema(
            "length", .list(.number(0...1e3, open: true), count: 1...50),
            "Lengths, as multiples of the median distance between references."),
        KeySchema("sigma2", .list(length, count: 1...50), "Widths of the alignment weights, Å."),
        KeySchema(
            "noise", .list(.number(0...1e3, open: true), count: 1...50),
            "Regularisation, relative to the kernel at distance zero."),
        KeySchema(
            "choice_references", .integer(2...20_000), default: "300",
            "Number of references for choosing the kernel."),
    ])

    // MARK: OAMLM

    private static let oamlm: [KeySchema] = [
        KeySchema("norm", .mapping(norm), "The machines for the norm of the force."),
        KeySchema("direction", .mapping(direction), "The machines for its direction."),
    ]

    private static let descriptor = ValueSchema.mapping(
        MappingSchema([
            KeySchema(
                "species", .list(element, count: 1...100), "Symbols of the elements of the descriptor."),
            KeySchema(
                "r_cut", .number(1...100, open: true), default: "4.0", "Radius of the radial basis, Å."),
            KeySchema("n_max", .integer(1...20), default: "7", "Radial functions."),
            KeySchema("l_max", .integer(0...20), default: "4", "Largest angular degree."),
            KeySchema("sigma", length, default: "0.25", "Width of an atom, Å."),
        ]))

    static let element = ValueSchema.text { text in
        Element(symbol: text) == nil ? TextProblem("‘\(text)’ is no element") : nil
    }

    private static let start = ValueSchema.text { text in
        MaximinStart(text) == nil
            ? TextProblem(
                "‘\(text)’ is no start of a maximin selection",
                hint: "closest-to-mean, farthest-from-mean, index:7 or random:1") : nil
    }

    private static let alignment = MappingSchema([
        KeySchema(
            "group", .choice(RotationGroup.allCases.map(\.rawValue)), default: "o3",
            "With reflections (o3) or without (so3)."),
        KeySchema("triangles", .integer(1...132), default: "10", "Number of core gold triangles to try."),
    ])

    private static let classes = MappingSchema([
        KeySchema("bond_length", length, default: "3.0", "Largest length of Au–S and Au–Au bonds, Å."),
        KeySchema(
            "release_length", length, default: "3.0",
            "Length up to which an atom keeps its class from step to step, Å."),
        KeySchema(
            "fewest", .integer(2...100_000), default: "10",
            "Smallest number of environments for training a class."),
    ])

    private static let norm = MappingSchema([
        KeySchema("references", .integer(2...100_000), default: "5000", "Largest number of references."),
        KeySchema(
            "objective", .choice(NormObjective.allCases.map(\.rawValue)), default: "exact",
            "Objective of the fit; multilateration is the original MLM."),
        KeySchema("ridge", .number(0...1e6), "Regularisation; the square root of machine epsilon."),
        KeySchema("clamp", .boolean, default: "true", "Whether a negative norm counts as zero."),
    ])

    private static let direction = MappingSchema([
        KeySchema("references", .integer(2...100_000), default: "2500", "Largest number of references."),
        KeySchema(
            "solver", solver, default: "paper-eq17", "Method that computes a direction from projections."),
        KeySchema("sigma2", byClass(length), "Width of the alignment weights, Å."),
        KeySchema("clip", .boolean, default: "false", "Whether projections are limited to [−1, 1]."),
        KeySchema(
            "learn_misfits", .boolean, default: "false", "Whether misfits of alignments are learnt too."),
        KeySchema(
            "alternatives",
            .mapping(
                MappingSchema([
                    KeySchema("solver", .list(solver, count: 1...50), required: true, "Solvers to try."),
                    KeySchema("sigma2", .list(length, count: 1...50), required: true, "Widths to try, Å."),
                ])),
            "Pairs to try for every class; the one with the least force error in cross-validation is kept."),
    ])

    static let solver = ValueSchema.text { text in
        DirectionSolver(text) == nil
            ? TextProblem(
                "‘\(text)’ is no way to find a direction",
                hint: "paper-eq17, least-squares, ridge:0.2, sphere or numeric:0.25") : nil
    }

    static func byClass(_ value: ValueSchema) -> ValueSchema {
        .mapping(
            MappingSchema(
                [KeySchema("default", value, "For every class not named.")]
                    + AtomClass.allCases.map { KeySchema($0.rawValue, value, $0.rawValue) }))
    }
}
