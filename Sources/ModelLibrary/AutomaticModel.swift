public import Atomistics

extension ModelLibrary {
    /// The name that stands for the model of ``defaultModels`` that knows a structure best.
    public static let automatic = "auto"

    /// The models that ``automatic`` chooses from. The first one is taken where it knows the structure: it is the most
    /// accurate one in its domain.
    public static let defaultModels = ["thiolate-gold", "gold-ligands"]

    /// Above this share of atoms out of domain the next model is tried.
    private static let knownShare = 0.02

    /// Returns the name of the model to use for a structure.
    ///
    /// Of the default models that are trained the first with at most 2 % of the atoms out of its domain; if there
    /// is none, the one with the fewest. Models that lack an element are passed over, unless all do.
    ///
    /// - Parameters:
    ///   - name: of a model, or ``automatic``.
    ///   - atoms: the structure.
    ///   - load: loads a model by its name.
    /// - Throws: what `load` throws for the first default model if none can be loaded.
    public func resolve(
        _ name: String, for atoms: Atoms, load: (String) throws -> any ForceField
    ) throws -> String {
        guard name == Self.automatic else { return name }
        let trained = Self.defaultModels.filter { (try? path(of: $0)) != nil }
        guard trained.count > 1 else { return trained.first ?? Self.defaultModels[0] }
        var best: (name: String, outside: Int)?
        for candidate in trained {
            let model = try load(candidate)
            guard let check = try? DomainCheck(model, atoms) else { continue }
            if check.share <= Self.knownShare { return candidate }
            if check.outsideCount < best?.outside ?? .max { best = (candidate, check.outsideCount) }
        }
        return best?.name ?? trained[trained.count - 1]
    }

    /// Loads the force field of this name, or in this file, for a structure.
    ///
    /// - Throws: ``ModelLibraryError``, `ModelFileError`.
    public func load(_ nameOrPath: String, for atoms: Atoms) throws -> any ForceField {
        try load(resolve(nameOrPath, for: atoms) { try load($0) })
    }
}
