import Atomistics

extension DFTStage {
    /// A conflict between a spin setting and the structure.
    struct SpinProblem {
        var code: String
        var message: String
        var hint: String?
        var isError = true
    }

    /// Returns the spin that GPAW calculates with: the spin that the job gives, or one unpaired electron if it gives
    /// none and the number of electrons is odd.
    ///
    /// A periodic cell is spin-paired by default, because its number of electrons depends on the choice of the cell.
    ///
    /// - Returns: nil if the calculation is spin-paired or the engine is not GPAW.
    public func spin(electrons: Int, isPeriodic: Bool = false) -> GPAWSettings.Spin? {
        guard engine == .gpaw else { return nil }
        if let spin = gpaw?.spin { return spin == .multiplicity(1) ? nil : spin }
        return electrons % 2 == 0 || isPeriodic ? nil : .multiplicity(2)
    }

    /// Returns 2S + 1 of the calculation. Returns nil if the job gives the magnetic moments, if Hund's rule determines
    /// them, or if the structure is periodic and the job gives no spin.
    func multiplicity(electrons: Int, isPeriodic: Bool = false) -> Int? {
        if isPeriodic, gpaw?.spin == nil { return nil }
        return switch spin(electrons: electrons, isPeriodic: isPeriodic) {
        case nil: 1
        case .multiplicity(let multiplicity): multiplicity
        case .moments, .elementMoments, .hund: nil
        }
    }

    func problemsOfSpin(electrons: Int, _ atoms: Atoms) -> [SpinProblem] {
        guard engine == .gpaw, let spin = gpaw?.spin else { return [] }
        switch spin {
        case .multiplicity(let multiplicity):
            if (multiplicity - 1) % 2 != electrons % 2 {
                return [
                    SpinProblem(
                        code: "other-multiplicity",
                        message:
                            "\(counted(electrons, "electron")) cannot have the multiplicity \(multiplicity)",
                        hint: electrons % 2 == 0
                            ? "an odd multiplicity: 1, 3, …" : "an even multiplicity: 2, 4, …")
                ]
            }
            return multiplicity - 1 <= electrons
                ? []
                : [
                    SpinProblem(
                        code: "other-multiplicity",
                        message: "\(counted(electrons, "electron")) cannot have \(multiplicity - 1) unpaired")
                ]
        case .moments(let moments):
            return moments.count == atoms.count
                ? []
                : [
                    SpinProblem(
                        code: "other-number",
                        message:
                            "\(moments.count) \(moments.count == 1 ? "moment is" : "moments are") given for \(atoms.count) atoms",
                        hint: "one for each atom in the structure's order, or by element: {moments: {Fe: 2}}")
                ]
        case .elementMoments(let moments):
            let present = Set(atoms.elements.map(\.symbol))
            return moments.keys.filter { !present.contains($0) }.sorted().map {
                SpinProblem(code: "no-element", message: "there is no \($0) in the structure")
            }
        case .hund:
            return atoms.count == 1
                ? []
                : [
                    SpinProblem(
                        code: "hund-molecule",
                        message:
                            "Hund's rule gives the moments of free atoms, but the structure has "
                            + "\(atoms.count) atoms",
                        hint: "{multiplicity: …} or {moments: {…}}", isError: false)
                ]
        }
    }
}
