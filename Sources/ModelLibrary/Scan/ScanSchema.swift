import MinimalLearning
import ThiolateGold
public import YAMLDocument

/// What a `scan.yaml` may say.
public enum ScanSchema {
    public static let scan = MappingSchema([
        KeySchema("aurelax_scan", .integer(1...1), required: true, "The version of this schema: 1."),
        KeySchema("name", RecipeSchema.name, required: true, "What the scan is called."),
        KeySchema(
            "level_of_theory", .text(), required: true,
            "What every frame must say of the method behind its forces."),
        KeySchema(
            "structures", .list(.mapping(structure), count: 2...20), required: true,
            "Labelled structures. Of every two, each is learnt from and the other predicted."),
        KeySchema(
            "grids", .list(.mapping(grid), count: 1...100), required: true,
            "Parameter sets; one that is in several grids is described once."),
        KeySchema(
            "species", .list(RecipeSchema.element, count: 1...100), default: "[H, C, S, Au]",
            "Symbols of the elements described."),
        KeySchema(
            "references", .integer(2...100_000), default: "2500",
            "Most references, by RS-maximin, for norms and for directions."),
        KeySchema(
            "objective", .choice(NormObjective.allCases.map(\.rawValue)), default: "exact",
            "What the fit of norms minimises; multilateration is the original MLM."),
        KeySchema(
            "directions", .mapping(directions), "Directions are learnt too, which takes many times longer."),
    ])

    private static let structure = MappingSchema([
        KeySchema("name", RecipeSchema.name, required: true, "What tables call it."),
        KeySchema("file", .text(), required: true, "An extxyz file, relative to the scan."),
        KeySchema(
            "frames", RecipeSchema.ranges, "The frames that are used, as Python slices them; without it all."),
    ])

    private static let grid = MappingSchema([
        KeySchema(
            "classes", .list(.choice(AtomClass.allCases.map(\.rawValue)), count: 1...5),
            default: "all five", "Classes of atom that these sets are tried for."),
        KeySchema(
            "r_cut", .list(.number(1...100, open: true), count: 1...100), required: true,
            "Reaches of the radial basis, Å."),
        KeySchema(
            "sigma", .list(RecipeSchema.length, count: 1...100), required: true, "Widths of an atom, Å."),
        KeySchema("n_max", .list(.integer(1...20), count: 1...20), required: true, "Radial functions."),
        KeySchema(
            "l_max", .list(.integer(0...20), count: 1...21), required: true, "Largest angular degrees."),
    ])

    private static let directions = MappingSchema([
        KeySchema(
            "solver", RecipeSchema.solver, default: "paper-eq17",
            "How a direction follows from projections."),
        KeySchema(
            "sigma2", RecipeSchema.byClass(RecipeSchema.length),
            "Width of the alignment weights, Å; the paper's without it."),
    ])

    /// JSON Schema (2020-12) of scans.
    public static var jsonSchema: String {
        scan.jsonSchema(title: "aurelax scan", id: "https://aurelax.invalid/schema/scan-1.json")
    }
}
