import OrderedCollections

extension Atoms {
    /// The file's description of the method that computed energy and forces (key
    /// `level_of_theory`).
    public var levelOfTheory: String? {
        get { if case .string(let level)? = info["level_of_theory"] { level } else { nil } }
        set { info["level_of_theory"] = newValue.map(InfoValue.string) }
    }
}
