import Atomistics
public import YAMLDocument

extension GPAWSettings {
    /// The keys under `gpaw:`.
    public static let schema = MappingSchema([
        KeySchema(
            "spin",
            .mapping(
                MappingSchema(
                    [
                        KeySchema("multiplicity", .integer(1...1000), "2S + 1; the total moment is kept."),
                        KeySchema("moments", moments, "Initial magnetic moments, μB."),
                        KeySchema("hund", .boolean, "Moments of a free atom by Hund's rule."),
                    ], isChoice: true)),
            default: "paired; multiplicity 2 for an odd number of electrons",
            "Unpaired electrons: `{multiplicity: 3}`, `{moments: {Fe: 2.5}}`, `{moments: [1, 0, 0]}` or `{hund: true}`."
        ),
        KeySchema(
            "occupations", .mapping(MappingSchema(occupationKeys)),
            default: "fermi-dirac of the stage's smearing",
            "Smearing: kind (fermi-dirac, marzari-vanderbilt, methfessel-paxton), width (eV), order, fixed_moment."
        ),
        KeySchema(
            "nbands", .text(check: checkBands), default: "GPAW's choice",
            "Bands: a number, so many beyond the occupied (`-10`), a percentage of the occupied (`150%`), or nao."
        ),
        KeySchema(
            "mixer", .mapping(MappingSchema(mixerKeys)), default: "GPAW's choice",
            "Density mixing: backend (pulay, msr1, no-mixing), method (sum, separate, difference), beta, nmaxold, weight."
        ),
        KeySchema(
            "eigensolver",
            .either(
                [.choice(eigensolvers), .mapping(MappingSchema(eigensolverKeys))], what: eigensolverText),
            default: "GPAW's choice", "Eigensolver, by name or as `{name: davidson, niter: 3}`."),
        KeySchema(
            "maxiter", .integer(1...10_000), default: "200", "Self-consistency cycles of a geometry at most."),
        KeySchema(
            "convergence", .mapping(MappingSchema(convergenceKeys)),
            default: "GPAW's, and density_convergence",
            "Self-consistency: energy (eV per valence electron), density, eigenstates (eV² per valence electron), "
                + "forces (eV/Å), bands."),
        KeySchema(
            "poissonsolver", .mapping(MappingSchema(poissonKeys)), default: "GPAW's choice",
            "Poisson solver: name (fast, fd), nn, eps, dipolelayer (xy, yz, xz, none)."),
        KeySchema(
            "setups",
            .either(
                [
                    .text(check: checkWord),
                    .dictionary(.text(check: checkWord), what: "a mapping of elements to data sets") {
                        $0 == "default" ? nil : checkElement($0)
                    },
                ], what: "the name of a kind of data set, or a mapping of elements to such names"),
            default: "paw",
            "PAW data sets: one kind for all, or by element: `{Pt: \"16\"}`, `{default: sg15}`."),
        KeySchema(
            "symmetry", .choice(["off", "on"]), default: "off",
            "Use the structure's point group: it is kept then. k-points use time reversal in either case."),
        KeySchema(
            "parallel", .mapping(MappingSchema(parallelKeys)), default: "GPAW's choice",
            "How ranks share the work: domain, band, kpt, augment_grids, sl_auto."),
        KeySchema(
            "dispersion", .choice(Dispersion.allCases.map(\.rawValue)), default: "none",
            "Dispersion correction of the functional: D3 (Becke–Johnson damping) or D4."),
        KeySchema(
            "kpts",
            .either(
                [.list(.integer(1...100), count: 3...3), .mapping(MappingSchema(kPointKeys))],
                what: "three numbers of points, or {density: 2.5}"),
            default: "density 2.5 in a periodic structure",
            "k-points of a periodic structure: `[4, 4, 1]`, or `{density: 2.5, gamma: true}` (points per 1/Å)."
        ),
    ])

    private static let kPointKeys = [
        KeySchema("density", .number(0.1...20), required: true, "Points per 1/Å along each direction."),
        KeySchema("gamma", .boolean, default: "true", "The mesh contains the Γ point."),
    ]

    private static let moments = ValueSchema.either(
        [
            .list(.number(-20...20), count: 1...100_000),
            .dictionary(.number(-20...20), what: "a mapping of elements to moments", check: checkElement),
        ], what: "a list of a moment for each atom, or a mapping of elements to moments")

    private static let occupationKeys = [
        KeySchema(
            "kind", .choice(Occupations.Kind.allCases.map(\.rawValue)), default: "fermi-dirac",
            "Distribution."),
        KeySchema("width", .number(0...1), default: "the stage's smearing", "Width, eV."),
        KeySchema("order", .integer(0...10), default: "0", "Order of methfessel-paxton."),
        KeySchema(
            "fixed_moment", .boolean, default: "true with a multiplicity", "Keep the total magnetic moment."),
    ]

    private static let mixerKeys = [
        KeySchema("backend", .choice(["pulay", "msr1", "no-mixing"]), default: "GPAW's choice", "Scheme."),
        KeySchema(
            "method", .choice(["sum", "separate", "difference"]), default: "GPAW's choice", "Spin densities."),
        KeySchema("beta", .number(0...1, open: true), default: "GPAW's choice", "Share of the new density."),
        KeySchema("nmaxold", .integer(1...100), default: "GPAW's choice", "Densities kept."),
        KeySchema("weight", .number(1...10_000), default: "GPAW's choice", "Weight of long waves."),
    ]

    private static let eigensolvers = ["davidson", "rmm-diis", "ppcg", "cg", "lcao", "hybrid-lcao"]
    private static let eigensolverText =
        "one of \(eigensolvers.joined(separator: ", ")), or a mapping with name and niter"
    private static let eigensolverKeys = [
        KeySchema("name", .choice(eigensolvers), required: true, "Eigensolver."),
        KeySchema("niter", .integer(1...100), default: "GPAW's choice", "Iterations a cycle."),
    ]

    private static let convergenceKeys = [
        KeySchema("energy", .number(0...1, open: true), default: "0.0005", "eV per valence electron."),
        KeySchema(
            "density", .number(0...0.1, open: true), default: "density_convergence",
            "Electrons per valence electron."),
        KeySchema("eigenstates", .number(0...1, open: true), default: "4e-8", "eV² per valence electron."),
        KeySchema(
            "forces", .number(0...10, open: true), default: "not looked at",
            "Change of the largest force, eV/Å."),
        KeySchema(
            "bands", .integer(-100_000...100_000), default: "the occupied", "Bands that are converged."),
    ]

    private static let poissonKeys = [
        KeySchema("name", .choice(["fast", "fd"]), default: "GPAW's choice", "Solver."),
        KeySchema("nn", .integer(1...6), default: "3", "Stencil."),
        KeySchema(
            "eps", .number(0...1, open: true), default: "GPAW's choice", "Convergence of the fd solver."),
        KeySchema(
            "dipolelayer", .choice(["xy", "yz", "xz", "none"]),
            default: "the plane of a slab; none otherwise", "Plane of a dipole correction."),
    ]

    private static let parallelKeys = [
        KeySchema("domain", .integer(1...100_000), default: "GPAW's choice", "Ranks that share the grid."),
        KeySchema("band", .integer(1...100_000), default: "GPAW's choice", "Ranks that share the bands."),
        KeySchema(
            "kpt", .integer(1...10_000), default: "GPAW's choice", "Ranks that share spins and k-points."),
        KeySchema("augment_grids", .boolean, default: "false", "All ranks share the fine grid."),
        KeySchema("sl_auto", .boolean, default: "false", "ScaLAPACK, if GPAW has it."),
    ]

    @Sendable static func checkElement(_ text: String) -> TextProblem? {
        if Element(symbol: text) != nil { return nil }
        let spelled = text.prefix(1).uppercased() + text.dropFirst().lowercased()
        let hint = Element(symbol: spelled).map { "did you mean ‘\($0.symbol)’?" } ?? "a symbol, such as Au"
        return TextProblem("‘\(text.prefix(40))’ is not an element", hint: hint)
    }

    @Sendable static func checkBands(_ text: String) -> TextProblem? {
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

    @Sendable private static func checkWord(_ text: String) -> TextProblem? { JobSchema.checkWord(text) }
}
