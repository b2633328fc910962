public import Atomistics

extension DFTStage {
    /// Returns the k-points of a calculation with GPAW; nil if the structure is a molecule or the engine is not GPAW.
    public func kPoints(_ periodicity: Periodicity) -> GPAWSettings.KPoints? {
        guard engine == .gpaw, periodicity.isPeriodic else { return nil }
        return gpaw?.kpts ?? .standard
    }

    /// Returns the plane of the dipole correction in GPAW's notation: the plane that the job gives, otherwise the plane
    /// of a slab. Returns nil if the job says `none`, or if it gives no plane and the structure is not a slab.
    public func dipoleLayer(_ periodicity: Periodicity) -> String? {
        guard engine == .gpaw, periodicity.isPeriodic else { return gpaw?.poissonsolver?.dipolelayer }
        switch gpaw?.poissonsolver?.dipolelayer {
        case "none": return nil
        case let plane?: return plane
        case nil: return periodicity.plane
        }
    }

    struct CellProblem {
        var code: String
        var key: String
        var message: String
        var hint: String?
        var isError = true
    }

    /// Returns the contradictions between the stage's settings and a structure's cell.
    func problemsOfCell(_ atoms: Atoms, charge: Int) -> [CellProblem] {
        let periodicity = atoms.periodicity
        guard periodicity.isPeriodic else {
            return gpaw?.kpts == nil
                ? []
                : [
                    CellProblem(
                        code: "kpts-of-molecule", key: "kpts",
                        message: "k-points are given, but the structure is not periodic",
                        hint: "remove kpts, or give the structure Lattice and pbc")
                ]
        }
        guard engine == .gpaw else { return [] }
        var problems: [CellProblem] = []
        if charge != 0 {
            problems.append(
                CellProblem(
                    code: "charged-cell", key: "",
                    message: "a periodic cell with a charge of \(charge) has no well-defined energy in GPAW",
                    hint: "charge: 0"))
        }
        if let size = gpaw?.kpts?.size {
            let open = zip([periodicity.a, periodicity.b, periodicity.c], size).contains { !$0 && $1 > 1 }
            if open {
                problems.append(
                    CellProblem(
                        code: "kpts-open", key: "kpts",
                        message: "several k-points along a direction in which the structure does not repeat",
                        hint: "give 1 for that direction (pbc is \(periodicity.text))"))
            }
        } else if gpaw?.kpts == nil {
            problems.append(
                CellProblem(
                    code: "kpts-default", key: "",
                    message:
                        "the structure is periodic and the stage gives no k-points, so GPAW calculates with "
                        + "a density of 2.5 points per 1/Å, Γ included",
                    hint: "test the convergence for your cell, then give it: gpaw: {kpts: {density: 2.5}}",
                    isError: false))
        }
        if let plane = gpaw?.poissonsolver?.dipolelayer, plane != "none",
            dipoleLayer(periodicity) != nil,
            plane != periodicity.plane
        {
            problems.append(
                CellProblem(
                    code: "dipole-plane", key: "poissonsolver",
                    message:
                        "a dipole correction in the plane \(plane) needs a slab that is periodic in this plane only",
                    hint: "the structure's pbc is \(periodicity.text)"))
        }
        if let slab = try? atoms.slab(), slab.emptySpace < 2 * vacuum - 1e-6 {
            problems.append(
                CellProblem(
                    code: "thin-vacuum", key: "",
                    message:
                        "the cell has \((slab.emptySpace * 10).rounded() / 10) Å of empty space along its open "
                        + "direction, but GPAW calculates with \(vacuum) Å on both sides",
                    hint: "‘vacuum’ sets the space; test that the forces no longer depend on it",
                    isError: false))
        }
        return problems
    }
}

extension Periodicity {
    /// The plane in which a slab is periodic, in GPAW's notation; nil for other structures.
    fileprivate var plane: String? {
        guard dimensions == 2 else { return nil }
        return a ? b ? "xy" : "xz" : "yz"
    }
}
