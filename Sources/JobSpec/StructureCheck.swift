public import Atomistics
public import YAMLDocument

extension JobFile {
    /// What of the job does not fit the structure it names.
    public func problems(with atoms: Atoms) -> [Diagnostic] {
        guard let job else { return [] }
        var problems: [Diagnostic] = []
        func add(
            _ code: String, _ path: [PathStep], _ message: String, hint: String? = nil,
            severity: Diagnostic.Severity = .error
        ) {
            let keyPath = path.reduce("") { text, step in
                switch step {
                case .key(let key): text.isEmpty ? key : "\(text).\(key)"
                case .index(let index): "\(text)[\(index)]"
                }
            }
            let node = node(at: path)
            problems.append(
                Diagnostic(
                    severity, code: code, at: node?.mark, width: node?.width ?? 1, keyPath: keyPath,
                    message: message, hint: hint))
        }
        let structure = [PathStep.key("structure")]
        guard atoms.count > 0 else {
            add("no-atoms", structure, "the structure has no atoms")
            return problems
        }
        if atoms.periodicity.isPeriodic {
            add(
                "periodic", structure, "the structure is periodic; molecules only are relaxed",
                hint: "set pbc=\"F F F\" in the structure, or remove its Lattice")
        }
        for problem in GeometryCheck().problems(in: atoms).prefix(5) {
            add("geometry", structure, problem.description, hint: "mend the structure before it is relaxed")
        }
        let electrons = atoms.elements.reduce(-job.charge) { $0 + $1.atomicNumber }
        if electrons <= 0 {
            add("no-electrons", [.key("charge")], "a charge of \(job.charge) leaves no electrons")
        } else if electrons % 2 != 0, job.stages.contains(where: { $0.kind == "dft" }) {
            add(
                "odd-electrons", [.key("charge")],
                "\(electrons) electrons are an odd number; calculations are spin-paired",
                hint: "is the charge right?", severity: .warning)
        }
        if job.charge != 0, job.stages.contains(where: { $0.kind == "ml" }) {
            add(
                "charge-not-in-ml", [.key("charge")],
                "force fields know nothing of a charge: that of \(job.charge) enters the dft stages only",
                hint: "use a model that was trained on structures of this charge", severity: .warning)
        }
        if atoms.moveMask?.contains(false) == true, !job.stages.contains(where: { $0.move == .mask }) {
            add(
                "mask-not-used", structure, "the structure's move_mask fixes atoms, and no stage uses it",
                hint: "‘move: mask’ in a stage keeps them in their places", severity: .warning)
        }
        for (index, stage) in job.stages.enumerated() {
            let path = [PathStep.key("stages"), .index(index), .key(stage.kind), .key("move")]
            switch stage.move {
            case .all: break
            case .shell, .core:
                if !atoms.elements.contains(.gold) {
                    add("no-gold", path, "there is no gold in the structure, so no core and no shell")
                }
            case .mask:
                if let mask = atoms.moveMask {
                    if !mask.contains(true) {
                        add("nothing-moves", path, "the structure's move_mask frees no atom")
                    }
                } else {
                    add("no-mask", path, "the structure has no move_mask", hint: "a column move_mask:L:1")
                }
            case .indices(let indices):
                if let last = indices.last, last >= atoms.count {
                    add(
                        "out-of-range", path, "there is no atom \(last)",
                        hint: "the structure has \(atoms.count) atoms, counted from 0")
                }
            }
        }
        return problems
    }
}
