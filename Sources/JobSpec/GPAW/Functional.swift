import YAMLDocument

/// The names of exchange–correlation functionals that GPAW knows: its own, and libxc's.
enum Functional {
    private static let semilocal = [
        "LDA", "PW91", "PBE", "PBEsol", "revPBE", "RPBE", "BLYP", "HCTH407", "WC", "AM05", "PPLDA", "pyPBE",
        "pyPBEsol", "pyRPBE", "pyzvPBEsol", "BEE2", "LB94", "null",
    ]
    private static let metaGGA = ["M06-L", "TPSS", "revTPSS", "mBEEF", "SCAN", "TB09", "2D-MGGA"]
    private static let vanDerWaals = [
        "vdW-DF", "vdW-DF2", "vdW-DF-cx", "optPBE-vdW", "optB88-vdW", "C09-vdW", "BEEF-vdW", "mBEEF-vdW",
    ]
    private static let potentials = ["GLLB", "GLLBSC", "GLLBSCM", "GLLBM", "GLLBLDA"]
    private static let hybrids = [
        "EXX", "PBE0", "B3LYP", "HSE03", "HSE06", "YS-PBE0", "CAMY-BLYP", "CAMY-B3LYP", "LCY-BLYP", "LCY-PBE",
    ]

    /// GPAW's own names.
    static let names = semilocal + metaGGA + vanDerWaals + potentials + hybrids

    /// Returns the problem of a functional's name; nil if GPAW may know the name. Of libxc's names only the form is
    /// checked here; `aurelax validate` asks GPAW.
    @Sendable static func problem(_ text: String) -> TextProblem? {
        if let problem = JobSchema.checkWord(text) { return problem }
        let name = base(text)
        if names.contains(name) || isLibxc(name) || name.hasSuffix("PZ-SIC") || name.first?.isNumber == true {
            return nil
        }
        // Hybrids may have a parameter in their name: LCY-PBE(0.83).
        if isHybrid(name) { return nil }
        let hint =
            closest(to: name, among: names).map { "did you mean ‘\($0)’?" }
            ?? "GPAW's own (PBE, RPBE, BLYP, TPSS, vdW-DF2, HSE06, …) or libxc's (GGA_X_PBE_SOL+GGA_C_PBE_SOL)"
        return TextProblem("‘\(text)’ is not a functional of GPAW or libxc", hint: hint)
    }

    static func isHybrid(_ text: String) -> Bool {
        let name = base(text)
        return hybrids.contains(name) || name.hasPrefix("LCY-") || name.hasPrefix("CAMY-")
            || name.uppercased().hasPrefix("HYB_")
    }

    /// Returns true for functionals with non-local correlation, which describe dispersion themselves.
    static func isVanDerWaals(_ text: String) -> Bool { vanDerWaals.contains(base(text)) }

    /// Returns the name without its parameters: `BEEF-vdW` for `BEEF-vdW:libvdwxc=1`.
    private static func base(_ text: String) -> String { String(text.prefix { $0 != ":" }) }

    /// Returns true for libxc's names: `MGGA_X_TPSS+MGGA_C_TPSS`, `GGA_XC_HCTH_407`, in any case.
    private static func isLibxc(_ name: String) -> Bool {
        let parts = name.uppercased().split(separator: "+", omittingEmptySubsequences: false)
        return (1...2).contains(parts.count)
            && parts.allSatisfy { part in
                var words = part.split(separator: "_")
                if words.first == "HYB" { words.removeFirst() }
                return words.count >= 2 && ["LDA", "GGA", "MGGA"].contains(words[0])
                    && ["X", "C", "XC", "K"].contains(words[1])
            }
    }
}
