public import Atomistics
public import YAMLDocument

extension JobFile {
    /// Returns the conflicts between the job and its structure.
    ///
    /// - Parameters:
    ///   - atoms: the last structure in the file.
    ///   - frames: number of frames in the structure's file.
    public func problems(with atoms: Atoms, frames: Int = 1) -> [Diagnostic] {
        guard let job else { return [] }
        var problems: [Diagnostic] = []
        func add(
            _ code: String, _ path: [PathStep], _ message: String, hint: String? = nil,
            severity: Diagnostic.Severity = .error
        ) {
            let node = node(at: path)
            problems.append(
                Diagnostic(
                    severity, code: code, at: node?.mark, width: node?.width ?? 1, keyPath: path.text,
                    message: message, hint: hint))
        }
        let structure = [PathStep.key("structure")]
        guard atoms.count > 0 else {
            add("no-atoms", structure, "the structure has no atoms")
            return problems
        }
        let isPeriodic = atoms.periodicity.isPeriodic
        if isPeriodic {
            for problem in cellProblems(of: atoms, job) {
                add(problem.code, structure, problem.message, hint: problem.hint)
            }
        }
        for calculation in job.calculations {
            for problem in calculation.stage.problemsOfCell(atoms, charge: job.charge) {
                add(
                    problem.code,
                    calculation.path + (problem.key.isEmpty ? [] : [.key("gpaw"), .key(problem.key)]),
                    problem.message, hint: problem.hint, severity: problem.isError ? .error : .warning)
            }
        }
        if frames > 1 {
            add(
                "several-frames", structure,
                "the structure's file has \(frames) frames: the last one is used",
                hint: "‘aurelax convert FILE one.xyz --frames 0’ takes the first", severity: .warning)
        }
        let isStated = node(at: [.key("charge")])?.integer != nil
        let hasDFT = job.plan.contains(where: \.isDFT)
        let electrons = atoms.elements.reduce(-job.charge) { $0 + $1.atomicNumber }
        let multiplicities = job.calculations.map {
            $0.stage.multiplicity(electrons: electrons, isPeriodic: isPeriodic)
        }
        let statements = StructureStatements(atoms)
            .all(charge: job.charge, isStated: isStated, multiplicities: hasDFT ? multiplicities : [])
        for said in statements {
            add(
                said.code, [.key(said.key)], said.message, hint: said.hint,
                severity: said.isError ? .error : .warning)
        }
        for problem in GeometryCheck().problems(in: atoms).prefix(5) {
            add(
                "geometry", structure, problem.description,
                hint: "correct the structure before the relaxation")
        }
        if let carbons = try? atoms.carbonsWithoutHydrogen(), !carbons.isEmpty {
            let names = carbons.prefix(3).map(String.init).joined(separator: ", ")
            add(
                "missing-hydrogens", structure,
                "\(carbons.count) C \(carbons.count == 1 ? "atom seems" : "atoms seem") to lack hydrogen (atom \(names)"
                    + (carbons.count > 3 ? " and \(carbons.count - 3) others)" : ")"),
                hint: "structures from diffraction often have no hydrogen atoms: add them first",
                severity: .warning)
        }
        if electrons <= 0 {
            add("no-electrons", [.key("charge")], "a charge of \(job.charge) leaves no electrons")
        } else {
            if electrons % 2 != 0, !isPeriodic,
                let calculation = job.calculations.first(where: { $0.stage.gpaw?.spin == nil })
            {
                let how =
                    calculation.stage.engine == .gpaw
                    ? "GPAW calculates spin-polarised with one unpaired electron"
                    : "calculations are spin-paired"
                add(
                    "odd-electrons", [.key("charge")],
                    "\(counted(electrons, "electron")) \(electrons == 1 ? "is" : "are") an odd number; \(how)",
                    hint: "is the charge right?", severity: .warning)
            }
            for calculation in job.calculations {
                for problem in calculation.stage.problemsOfSpin(electrons: electrons, atoms) {
                    add(
                        problem.code, calculation.path + [.key("gpaw"), .key("spin")], problem.message,
                        hint: problem.hint, severity: problem.isError ? .error : .warning)
                }
            }
        }
        if job.charge != 0, job.plan.contains(where: \.usesModel) {
            add(
                "charge-not-in-ml", [.key("charge")],
                "models ignore the charge: \(job.charge) applies only to engines and dft stages",
                hint: "use a model that was trained on structures of this charge", severity: .warning)
        }
        if atoms.moveMask?.contains(false) == true || !atoms.fixedCoordinates.isEmpty,
            !job.selections.contains(where: { $0.move.base == .mask })
        {
            add(
                "mask-not-used", structure, "the structure's move_mask fixes atoms, but no stage uses it",
                hint: "‘move: mask’ in a stage keeps them fixed", severity: .warning)
        }
        for selection in job.selections {
            for problem in problemsOf(selection.move, atoms) {
                add(problem.code, selection.path, problem.message, hint: problem.hint)
            }
        }
        return problems
    }

    /// Makes a diagnostic about the structure for another module.
    ///
    /// - Parameter isError: false for a warning.
    public func structureProblem(
        _ code: String, _ message: String, hint: String?, isError: Bool
    ) -> Diagnostic {
        let node = node(at: [.key("structure")])
        return Diagnostic(
            isError ? .error : .warning, code: code, at: node?.mark, width: node?.width ?? 1,
            keyPath: "structure", message: message, hint: hint)
    }

    private func cellProblems(of atoms: Atoms, _ job: Job) -> [SelectionProblem] {
        do {
            if try atoms.isMoleculeInBox() {
                return [
                    .init(
                        code: "periodic",
                        message:
                            "the structure is periodic, but nothing in it is near its images, so it is a "
                            + "molecule in a box",
                        hint:
                            "`aurelax submit --molecule`, or `aurelax convert --molecule`, takes a molecule out of its box"
                    )
                ]
            }
            if let cell = atoms.cell, cell.volume == 0 || !cell.volume.isFinite {
                return [
                    .init(
                        code: "flat-cell", message: "the three lattice vectors span no volume",
                        hint: "give a slab a third vector, with its empty space")
                ]
            }
        } catch {
            return [.init(code: "flat-cell", message: error.description)]
        }
        return []
    }

    private struct SelectionProblem {
        let code: String
        let message: String
        var hint: String?
    }

    private func problemsOf(_ move: MoveSelection, _ atoms: Atoms) -> [SelectionProblem] {
        func noGold() -> [SelectionProblem] {
            atoms.elements.contains(.gold)
                ? []
                : [
                    .init(
                        code: "no-gold",
                        message: "there is no gold in the structure, so there is neither core nor shell"
                    )
                ]
        }
        func outOfRange(_ indices: [Int]) -> [SelectionProblem] {
            guard let last = indices.last, last >= atoms.count else { return [] }
            return [
                .init(
                    code: "out-of-range", message: "there is no atom \(last)",
                    hint: "the structure has \(counted(atoms.count, "atom")), counted from 0")
            ]
        }
        func mistakes(in lists: AtomLists) -> [SelectionProblem] {
            let present = Set(atoms.elements.map(\.symbol))
            let missing = lists.elements.filter { !present.contains($0) }
            return outOfRange(lists.indices)
                + missing.map { .init(code: "no-element", message: "there is no \($0) in the structure") }
                + (lists.classes.contains { $0.hasSuffix("gold") } || !lists.units.isEmpty ? noGold() : [])
        }
        switch move {
        case .all: return []
        case .shell, .core: return noGold()
        case .mask:
            guard let mask = atoms.moveMask else {
                return [
                    .init(
                        code: "no-mask", message: "the structure has no move_mask",
                        hint: "add a column move_mask:L:1, or move_mask:L:3 with one value per axis")
                ]
            }
            return mask.contains(true)
                ? [] : [.init(code: "nothing-moves", message: "the structure's move_mask frees no atom")]
        case .indices(let indices): return outOfRange(indices)
        case .any(let lists):
            if lists == AtomLists() {
                return [.init(code: "nothing-moves", message: "this selects no atom")]
            }
            return mistakes(in: lists)
        case .excluding(let base, let lists):
            if lists == AtomLists() {
                return problemsOf(base, atoms)
                    + [
                        .init(
                            code: "nothing-fixed", message: "‘fix’ selects no atom",
                            hint: "remove it, or name atoms")
                    ]
            }
            return problemsOf(base, atoms) + mistakes(in: lists)
                + (base == .all && fixesAll(lists, atoms)
                    ? [.init(code: "nothing-moves", message: "‘fix’ fixes every atom")] : [])
        }
    }

    /// Returns whether the lists select every atom, as far as this can be decided without classes and units.
    private func fixesAll(_ lists: AtomLists, _ atoms: Atoms) -> Bool {
        let (indices, elements) = (Set(lists.indices), Set(lists.elements))
        return (0..<atoms.count).allSatisfy { i in
            indices.contains(i) || elements.contains(atoms.elements[i].symbol)
                || lists.below.map { atoms.positions[i].z < $0 } == true
        }
    }
}

extension PlannedStage {
    fileprivate var isDFT: Bool {
        if case .ml = work { false } else { true }
    }

    /// Whether a force field of the library gives the forces.
    fileprivate var usesModel: Bool {
        if case .ml(let stage) = work { stage.engine == nil } else { false }
    }
}

extension Job {
    /// All selections of atoms, with their places.
    fileprivate var selections: [(path: [JobFile.PathStep], move: MoveSelection)] {
        func of(_ ml: MLStage, _ path: [JobFile.PathStep]) -> [(
            path: [JobFile.PathStep], move: MoveSelection
        )] {
            [(path + [.key("move")], ml.move)]
                + ml.alternate.enumerated().map {
                    (path + [.key("alternate"), .index($0), .key("move")], $1.move)
                }
        }
        return stages.enumerated().flatMap { index, stage in
            let path = [JobFile.PathStep.key("stages"), .index(index), .key(stage.kind)]
            switch stage {
            case .ml(let ml): return of(ml, path)
            case .dft(let dft): return [(path + [.key("move")], dft.move)]
            case .singlePoints: return []
            case .hybrid(let hybrid):
                return of(hybrid.ml, path + [.key("ml")])
                    + [(path + [.key("check"), .key("move")], hybrid.check.move)]
            }
        }
    }
}
