import Foundation

/// The format of a structure file, determined only by its name.
public enum StructureFormat: Sendable, Equatable {
    /// XYZ or extended XYZ, which aurelax reads itself. Files with an unrecognised name count as this format.
    case native
    /// A format with this name, which a Python script reads: one that ASE reads, under ASE's name (`vasp`), or one that
    /// the script reads itself (`mol2`, `xtb-output`).
    case foreign(String)
    /// The output of an unknown program: the suffix (`out`, `log` or `txt`) does not say of which.
    case programOutput

    /// - Parameter file: a name or a path. The suffixes `.gz`, `.bz2` and `.xz` are ignored.
    public init(file: String) {
        var name = file.split(separator: "/").last.map(String.init) ?? file
        for suffix in Self.packed where name.lowercased().hasSuffix(suffix) {
            name = String(name.dropLast(suffix.count))
            break
        }
        if let format = Self.wholeNames.first(where: { Self.matches(name.uppercased(), $0.name) })?.format {
            self = .foreign(format)
            return
        }
        let lower = name.lowercased()
        guard let dot = lower.lastIndex(of: ".") else {
            self = lower == "coord" ? .foreign("turbomole") : .native
            return
        }
        let suffix = String(lower[lower.index(after: dot)...])
        if let format = Self.suffixes[suffix] {
            self = .foreign(format)
        } else if Self.outputs.contains(suffix) {
            self = .foreign(suffix)
        } else if Self.isPacked(file), ["xyz", "extxyz"].contains(suffix) {
            self = .foreign("extxyz")
        } else {
            self = ["out", "log", "txt"].contains(suffix) ? .programOutput : .native
        }
    }

    /// Returns the format of a name: one of ``names``, `xyz`, `extxyz`, or a suffix that stands for a format (`pdb`).
    /// Returns nil for other texts.
    public init?(named name: String) {
        if ["xyz", "extxyz"].contains(name) {
            self = .native
        } else if Self.names.contains(name) {
            self = .foreign(name)
        } else if let format = Self.suffixes[name.lowercased()] {
            self = .foreign(format)
        } else {
            return nil
        }
    }

    static let packed = [".gz", ".bz2", ".xz"]

    /// Returns true if the name ends in `.gz`, `.bz2` or `.xz`.
    public static func isPacked(_ file: String) -> Bool {
        packed.contains { file.lowercased().hasSuffix($0) }
    }

    /// Names of VASP's files. They may continue after a character that is not a letter: `POSCAR`, `CONTCAR_relaxed`,
    /// `OUTCAR.1`.
    private static let wholeNames = [
        (name: "POSCAR", format: "vasp"), (name: "CONTCAR", format: "vasp"),
        (name: "XDATCAR", format: "vasp-xdatcar"), (name: "OUTCAR", format: "vasp-out"),
        (name: "VASPRUN", format: "vasp-xml"),
    ]

    private static func matches(_ name: String, _ known: String) -> Bool {
        guard name.hasPrefix(known) else { return false }
        let rest = name.dropFirst(known.count)
        return rest.first.map { !$0.isLetter } ?? true
    }

    private static let suffixes = [
        "cif": "cif", "vasp": "vasp", "poscar": "vasp", "contcar": "vasp", "pdb": "proteindatabank",
        "ent": "proteindatabank", "gro": "gromacs", "mol2": "mol2", "sdf": "sdf", "mol": "mol",
        "traj": "traj",
        "db": "db", "gpw": "gpw", "gjf": "gaussian-in", "com": "gaussian-in", "coord": "turbomole",
        "tmol": "turbomole", "gen": "gen", "xsf": "xsf", "cube": "cube", "cjson": "cjson", "res": "res",
        "xsd": "xsd", "pwi": "espresso-in", "pwo": "espresso-out", "nwo": "nwchem-out",
    ]

    /// Formats that no usual suffix names. Users select them with `--format`, or use the format's name as the suffix
    /// (`run.orca-output`).
    private static let outputs = [
        "gpaw-out", "orca-output", "gaussian-out", "xtb-output", "espresso-out", "nwchem-out", "vasp-out",
        "vasp-xml", "vasp-xdatcar", "aims", "aims-output", "turbomole", "dftb",
    ]

    /// The names of all formats except XYZ, in alphabetical order.
    public static let names = Set(suffixes.values).union(outputs).sorted()

    /// Returns the format of the program whose output begins like this text, for a hint to the user; nil if the program
    /// is unknown.
    ///
    /// - Parameter head: the beginning of an output file.
    public static func signature(_ head: some Sequence<UInt8>) -> String? {
        let text = String(decoding: Array(head), as: UTF8.self)
        return [
            ("* O   R   C   A *", "orca-output"), ("Entering Gaussian System", "gaussian-out"),
            ("|__ |  _|___|_____|", "gpaw-out"), (#"|__||  | ||/\|"#, "gpaw-out"), ("x T B", "xtb-output"),
            ("Program PWSCF", "espresso-out"),
            ("Northwest Computational Chemistry Package", "nwchem-out"),
        ].first { text.contains($0.0) }?.1
    }
}
