public import YAMLDocument

extension GPAWSettings {
    /// The keys under `gpaw:`.
    public static let options = OptionTable(defaults: GPAWSettings()) {
        OptionSpec(
            "spin", \.spin, .spin, default: "paired; multiplicity 2 for an odd number of electrons",
            "Unpaired electrons: `{multiplicity: 3}`, `{moments: {Fe: 2.5}}`, `{moments: [1, 0, 0]}` or `{hund: true}`."
        )
        OptionSpec(
            "occupations", \.occupations, .mapping(Occupations.options),
            default: "fermi-dirac of the stage's smearing",
            "Smearing: kind (fermi-dirac, marzari-vanderbilt, methfessel-paxton), width (eV), order, fixed_moment."
        )
        OptionSpec(
            "nbands", \.nbands, .bands, default: own,
            "Number of bands; with a minus sign, number beyond the occupied bands (`-10`); percentage of the "
                + "occupied bands (`150%`); or nao.")
        OptionSpec(
            "mixer", \.mixer, .mapping(Mixer.options), default: own,
            "Density mixing: backend (pulay, msr1, no-mixing), method (sum, separate, difference), beta, nmaxold, weight."
        )
        OptionSpec(
            "eigensolver", \.eigensolver, .eigensolver, default: own,
            "Eigensolver, by name or as `{name: davidson, niter: 3}`.")
        OptionSpec(
            "maxiter", \.maxiter, .integer(1...10_000), default: "200",
            "Largest number of self-consistency cycles for a geometry.")
        OptionSpec(
            "convergence", \.convergence, .mapping(Convergence.options),
            default: "GPAW's; the density's is density_convergence",
            "Self-consistency: energy (eV per valence electron), density, eigenstates (eV² per valence electron), "
                + "forces (eV/Å), bands.")
        OptionSpec(
            "poissonsolver", \.poissonsolver, .mapping(PoissonSolver.options), default: own,
            "Poisson solver: name (fast, fd), nn, eps, dipolelayer (xy, yz, xz, none).")
        OptionSpec(
            "setups", \.setups, .setups, default: "paw",
            "PAW data sets: one kind for all, or by element: `{Pt: \"16\"}`, `{default: sg15}`.")
        OptionSpec(
            "symmetry", \.symmetry, .switch, default: "off",
            "Use the structure's point group, which is then kept. k-points use time reversal in either case.")
        OptionSpec(
            "parallel", \.parallel, .mapping(Parallel.options), default: own,
            "How ranks share the work: domain, band, kpt, augment_grids, sl_auto.")
        OptionSpec(
            "dispersion", \.dispersion, .word(), default: "none",
            "Dispersion correction of the functional: D3 (Becke–Johnson damping) or D4.")
        OptionSpec(
            "kpts", \.kpts, .kPoints, default: "density 2.5 in a periodic structure",
            "k-points of a periodic structure: `[4, 4, 1]`, or `{density: 2.5, gamma: true}` (points per 1/Å)."
        )
    }

    /// The words for a default that GPAW itself chooses.
    fileprivate static let own = "GPAW's choice"
}

extension GPAWSettings.Occupations {
    fileprivate static let options = OptionTable(defaults: Self()) {
        OptionSpec("kind", \.kind, .word(), "Distribution.")
        OptionSpec("width", \.width, .number(0...1), default: "the stage's smearing", "Width, eV.")
        OptionSpec("order", \.order, .integer(0...10), default: "0", "Order of methfessel-paxton.")
        OptionSpec(
            "fixed_moment", \.fixedMoment, .boolean, default: "true with a multiplicity",
            "Keep the total magnetic moment.")
    }
}

extension GPAWSettings.Mixer {
    fileprivate static let options = OptionTable(defaults: Self()) {
        OptionSpec(
            "backend", \.backend, .choice(["pulay", "msr1", "no-mixing"]), default: GPAWSettings.own,
            "Mixing scheme.")
        OptionSpec(
            "method", \.method, .choice(["sum", "separate", "difference"]), default: GPAWSettings.own,
            "Mixing of the spin densities.")
        OptionSpec(
            "beta", \.beta, .number(0...1, open: true), default: GPAWSettings.own,
            "Share of the new density.")
        OptionSpec(
            "nmaxold", \.nmaxold, .integer(1...100), default: GPAWSettings.own, "Number of densities kept.")
        OptionSpec(
            "weight", \.weight, .number(1...10_000), default: GPAWSettings.own, "Weight of long waves.")
    }
}

extension GPAWSettings.Eigensolver {
    fileprivate static let names = ["davidson", "rmm-diis", "ppcg", "cg", "lcao", "hybrid-lcao"]

    fileprivate static let options = OptionTable(defaults: Self(name: "")) {
        OptionSpec("name", \.name, .choice(names), required: true, "Eigensolver.")
        OptionSpec(
            "niter", \.niter, .integer(1...100), default: GPAWSettings.own, "Iterations per cycle.")
    }
}

extension GPAWSettings.Convergence {
    fileprivate static let options = OptionTable(defaults: Self()) {
        OptionSpec(
            "energy", \.energy, .number(0...1, open: true), default: "0.0005", "eV per valence electron.")
        OptionSpec(
            "density", \.density, .number(0...0.1, open: true), default: "density_convergence",
            "Electrons per valence electron.")
        OptionSpec(
            "eigenstates", \.eigenstates, .number(0...1, open: true), default: "4e-8",
            "eV² per valence electron.")
        OptionSpec(
            "forces", \.forces, .number(0...10, open: true), default: "not checked",
            "Largest change of an atom's force between two cycles, eV/Å.")
        OptionSpec(
            "bands", \.bands, .integer(-100_000...100_000), default: "the occupied bands",
            "Bands that must converge.")
    }
}

extension GPAWSettings.PoissonSolver {
    fileprivate static let options = OptionTable(defaults: Self()) {
        OptionSpec("name", \.name, .choice(["fast", "fd"]), default: GPAWSettings.own, "Solver.")
        OptionSpec("nn", \.nn, .integer(1...6), default: "3", "Stencil.")
        OptionSpec(
            "eps", \.eps, .number(0...1, open: true), default: GPAWSettings.own,
            "Convergence of the fd solver.")
        OptionSpec(
            "dipolelayer", \.dipolelayer, .choice(["xy", "yz", "xz", "none"]),
            default: "the plane of a slab; none otherwise", "Plane of a dipole correction.")
    }
}

extension GPAWSettings.Parallel {
    fileprivate static let options = OptionTable(defaults: Self()) {
        OptionSpec(
            "domain", \.domain, .integer(1...100_000), default: GPAWSettings.own,
            "Ranks that share the grid.")
        OptionSpec(
            "band", \.band, .integer(1...100_000), default: GPAWSettings.own, "Ranks that share the bands.")
        OptionSpec(
            "kpt", \.kpt, .integer(1...10_000), default: GPAWSettings.own,
            "Ranks that share spins and k-points.")
        OptionSpec(
            "augment_grids", \.augmentGrids, .boolean, default: "false", "All ranks share the fine grid.")
        OptionSpec("sl_auto", \.slAuto, .boolean, default: "false", "ScaLAPACK, if GPAW has it.")
    }
}

extension GPAWSettings.KPoints {
    fileprivate static let options = OptionTable(defaults: Self.standard) {
        OptionSpec(
            "density", \.density, .number(0.1...20), required: true,
            "Points per 1/Å along each direction.")
        OptionSpec("gamma", \.gamma, .boolean, "The mesh contains the Γ point.")
    }
}

// MARK: Forms of values that only GPAW's options have

extension OptionForm where Value == GPAWSettings.Spin {
    fileprivate static var spin: Self {
        let moments = OptionForm.either(
            [
                OptionBranch(
                    OptionForm<[Double]>.list(.number(-20...20), count: 1...100_000),
                    read: { .moments($0) },
                    written: { if case .moments(let moments) = $0 { moments } else { nil } }),
                OptionBranch(
                    OptionForm<[String: Double]>.dictionary(
                        .number(-20...20), what: "a mapping of elements to moments",
                        check: JobSchema.checkElement),
                    read: { .elementMoments($0) },
                    written: { if case .elementMoments(let moments) = $0 { moments } else { nil } }),
            ], what: "a list with one moment for each atom, or a mapping of elements to moments")
        return .oneKey([
            (
                "multiplicity", "2S + 1; the total moment is kept.",
                OptionBranch(
                    OptionForm<Int>.integer(1...1000), read: { .multiplicity($0) },
                    written: { if case .multiplicity(let multiplicity) = $0 { multiplicity } else { nil } })
            ),
            (
                "moments", "Initial magnetic moments, μB.",
                OptionBranch(
                    moments, read: { $0 },
                    written: { spin in
                        switch spin {
                        case .moments, .elementMoments: spin
                        case .multiplicity, .hund: nil
                        }
                    })
            ),
            (
                "hund", "Moments of a free atom by Hund's rule.",
                OptionBranch(
                    OptionForm<Bool>.boolean, read: { $0 ? .hund : nil },
                    written: { $0 == .hund ? true : nil })
            ),
        ])
    }
}

extension OptionForm where Value == GPAWSettings.Eigensolver {
    fileprivate static var eigensolver: Self {
        .either(
            [
                OptionBranch(
                    OptionForm<String>.choice(Value.names), read: { Value(name: $0) }, written: { _ in nil }),
                OptionBranch(.mapping(Value.options)),
            ], what: "one of \(Value.names.joined(separator: ", ")), or a mapping with name and niter")
    }
}

extension OptionForm where Value == [String: String] {
    fileprivate static var setups: Self {
        let kind = OptionForm<String>.text(check: JobSchema.checkWord)
        return .either(
            [
                OptionBranch(kind, read: { ["default": $0] }, written: { _ in nil }),
                OptionBranch(
                    .dictionary(kind, what: "a mapping of elements to data sets") {
                        $0 == "default" ? nil : JobSchema.checkElement($0)
                    }),
            ], what: "the name of a kind of data set, or a mapping of elements to such names")
    }
}

extension OptionForm where Value == GPAWSettings.KPoints {
    fileprivate static var kPoints: Self {
        .either(
            [
                OptionBranch(
                    OptionForm<[Int]>.list(.integer(1...100), count: 3...3),
                    read: { Value(size: $0) }, written: \.size),
                OptionBranch(.mapping(Value.options)),
            ], what: "three numbers of points, or {density: 2.5}")
    }
}

extension OptionForm where Value == Bool {
    fileprivate static var `switch`: Self {
        Self(
            .choice(["off", "on"]), read: { $0.text.map { $0 == "on" } },
            text: { YAMLScalar.text($0 ? "on" : "off") })
    }
}

extension OptionForm where Value == String {
    fileprivate static var bands: Self {
        Self(
            .text(check: checkBands), read: \.text, text: { Int($0) == nil ? YAMLScalar.text($0) : $0 })
    }
}

@Sendable private func checkBands(_ text: String) -> TextProblem? {
    func isGood(_ number: Substring, _ range: ClosedRange<Int>) -> Bool {
        Int(number).map(range.contains) ?? false
    }
    let isBands =
        text == "nao" || isGood(text[...], -100_000...1_000_000)
        || (text.hasSuffix("%") && isGood(text.dropLast(), 100...10_000))
    return isBands
        ? nil
        : TextProblem(
            "‘\(text.prefix(40))’ is not a number of bands",
            hint: "120, -10 (beyond the occupied), \"150%\" or nao")
}
