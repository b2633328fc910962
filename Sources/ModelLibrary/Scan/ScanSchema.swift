internal import Descriptors
import MinimalLearning
import ThiolateGold
public import YAMLDocument

/// The keys of a `scan.yaml`.
public enum ScanSchema {
    public static let scan = MappingSchema([
        KeySchema("aurelax_scan", .integer(1...1), required: true, "The version of this schema: 1."),
        KeySchema("name", RecipeSchema.name, required: true, "The name of the scan."),
        KeySchema(
            "level_of_theory", .text(), required: true,
            "Level of theory that every frame must have."),
        KeySchema(
            "structures", .list(.mapping(structure), count: 2...20), required: true,
            "Labelled structures. For every pair, each is used for training and the other for the test."),
        KeySchema(
            "grids", .list(.mapping(grid), count: 1...100), required: true,
            "Parameter sets; a set in several grids is computed once."),
        KeySchema(
            "species", .list(RecipeSchema.element, count: 1...100), default: "[H, C, S, Au]",
            "Symbols of the elements of the descriptor."),
        KeySchema(
            "references", .integer(2...100_000), default: "2500",
            "Largest numbers of references, by RS-maximin, for norms and for directions."),
        KeySchema(
            "objective", .choice(NormObjective.allCases.map(\.rawValue)), default: "exact",
            "Objective of the fit of norms; multilateration is the original MLM."),
        KeySchema(
            "directions", .mapping(directions), "Learn directions too, which takes many times longer."),
    ])

    private static let structure = MappingSchema([
        KeySchema("name", RecipeSchema.name, required: true, "Name in the tables."),
        KeySchema("file", .text(), required: true, "An extxyz file, relative to the scan."),
        KeySchema(
            "frames", RecipeSchema.ranges,
            "The frames that are used, in Python's slice notation; by default all."),
    ])

    private static let grid = MappingSchema([
        KeySchema(
            "classes", .list(.choice(AtomClass.allCases.map(\.rawValue)), count: 1...5),
            default: "all five", "Classes of atoms for these sets."),
        KeySchema(
            "r_cut", .list(SOAPSettings.radius.schema, count: 1...100), required: true,
            "Cutoff radii of the radial basis, Å."),
        KeySchema(
            "sigma", .list(RecipeSchema.length, count: 1...100), required: true, "Widths of an atom, Å."),
        KeySchema(
            "n_max", .list(SOAPSettings.radialFunctions.schema, count: 1...20), required: true,
            "Numbers of radial functions."),
        KeySchema(
            "l_max", .list(SOAPSettings.degree.schema, count: 1...21), required: true,
            "Largest angular degrees."),
    ])

    private static let directions = MappingSchema([
        KeySchema(
            "solver", RecipeSchema.solver, default: "paper-eq17",
            "Method that computes a direction from projections."),
        KeySchema(
            "sigma2", RecipeSchema.byClass(RecipeSchema.length),
            "Width of the alignment weights, Å; by default the paper's."),
    ])

    /// JSON Schema (2020-12) of scans.
    public static var jsonSchema: String {
        scan.jsonSchema(title: "aurelax scan", id: "https://aurelax.invalid/schema/scan-1.json")
    }
}
