import OrderedCollections

extension Atoms {
    /// What the file says of the method that made energy and forces (key `level_of_theory`).
    public var levelOfTheory: String? {
        get { if case .string(let level)? = info["level_of_theory"] { level } else { nil } }
        set { info["level_of_theory"] = newValue.map(InfoValue.string) }
    }
}
