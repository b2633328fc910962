import Atomistics
import Foundation
import ModelLibrary

/// A model directory for one test, with small recipes for the project's data. It is removed at the end of the test.
struct ScratchLibrary: ~Copyable {
    static let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("models").path
    static let level = "GPAW 26.7.0 PBE LCAO dzp h=0.2A FermiDirac 0.05eV non-periodic"

    let path: String
    var library: ModelLibrary { ModelLibrary(searchPath: [path]) }

    init() throws {
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("aurelax-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Adds a recipe to the library.
    func add(_ name: String, _ recipe: String) throws -> Recipe {
        let directory = path + "/" + name
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data(recipe.utf8).write(to: URL(fileURLWithPath: directory + "/recipe.yaml"))
        let read = RecipeFile(Array(recipe.utf8), file: directory + "/recipe.yaml")
        guard let recipe = read.recipe else { throw Refused(report: read.report) }
        return recipe
    }

    struct Refused: Error { let report: String }

    static func rings() throws -> [Atoms] {
        try ExtXYZ.read(path: models + "/data/rings-pbe-lcao.extxyz")
    }

    /// - Parameter fit: the frames of the final fit, `training` or `all`.
    static func header(_ name: String, kind: String, fit: String = "training") -> String {
        """
        aurelax_recipe: 1
        name: \(name)
        kind: \(kind)
        level_of_theory: \(level)
        data:
          - file: \(models)/data/rings-pbe-lcao.extxyz
            frames: ["10:24"]
            validation: ["21:24"]
        fit: \(fit)

        """
    }

    static func potential(_ name: String, fit: String = "training") -> String {
        header(name, kind: "soap-potential", fit: fit) + """
            descriptor: {r_cut: 4, n_max: 4, l_max: 2, sigma: 0.35, cutoff_radius: 4.5, cutoff_width: 4.5}
            inducing: {default: 24, S: 20}
            priors: [3, 10]

            """
    }

    static func vectorKernel(_ name: String, fit: String = "training") -> String {
        header(name, kind: "vector-kernel", fit: fit) + """
            descriptor: {species: [H, C, S, Au], n_max: 3, l_max: 2, sigma: 0.5}
            references: 60
            kernel: {shape: [exponential], length: [1, 4], sigma2: [0.25], noise: [0.001, 0.01]}

            """
    }

    /// Returns the small recipe of a kind.
    static func recipe(_ kind: String, _ name: String, fit: String = "training") -> String {
        switch kind {
        case "oamlm": oamlm(name, fit: fit)
        case "vector-kernel": vectorKernel(name, fit: fit)
        default: potential(name, fit: fit)
        }
    }

    static func oamlm(_ name: String, fit: String = "training") -> String {
        header(name, kind: "oamlm", fit: fit) + """
            descriptor: {species: [H, C, S, Au], n_max: 3, l_max: 2, sigma: 0.5}
            direction: {references: 60, alternatives: {solver: [least-squares, "ridge:0.2"], sigma2: [0.5]}}

            """
    }
}
